#include "tools/ranks/launch.h"

#include <algorithm>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "pipeline/schedules/schedule.h"
#include "tools/training/access.h"
#include "tools/training/launcher.h"

namespace ranks {

void add_options(tools::Options& command, Choice& choice) {
  command
      .add("--launcher", choice.launcher,
           "what started the ranks: " + nn::join(training::launcher_names(), ", ", " or "))
      .among(training::launcher_names());
  command.add("--rank", choice.rank, "number of this process, from 0; else the launcher's, or 0")
      .between(0, 4095);
  command
      .add("--ranks", choice.ranks,
           "how many processes share the clients; else the launcher's, or 1")
      .between(1, 4096);
  command
      .add("--stages", choice.stages,
           "cut each client's language model into stages, a rank each; the same for all ranks")
      .between(1, 4096);
  command.add("--schedule", choice.schedule, "in which order a stage computes; 1f1b")
      .among(tools::names_of(pipeline::schedule_table()));
  command.add("--meet", choice.meet, "folder that all ranks see; they find each other there");
  command
      .add("--timeout", choice.timeout, "longest wait for the other ranks at the start, in seconds")
      .between(0.1, 1e6);
  command.add("--heartbeat", choice.heartbeat, "seconds of silence until a rank counts as lost")
      .between(0.1, 1e6);
  command
      .add("--client-timeout", choice.client_timeout,
           "seconds without an answer until a rank's clients are given to others; 3600")
      .between(1.0, 1e6);
}

int ranks_here() {
  try {
    const auto launch = training::find_launch("auto", training::environment_of_this_process());
    return launch ? std::max(1, launch->ranks_here) : 1;
  } catch (const nn::InputError&) {  // find_place() reports it, if it matters
    return 1;
  }
}

static Cutting cutting_of(const Choice& choice, int ranks) {
  Cutting cutting;
  cutting.stages = choice.stages.value_or(1);
  cutting.schedule = choice.schedule.value_or(cutting.schedule);
  if (choice.schedule && cutting.stages == 1)
    throw nn::InputError("--schedule is the order of work in a pipeline, and there is none",
                         "say how many stages a client has: --stages 2");
  if (ranks % cutting.stages != 0)
    throw nn::InputError(nn::concat(ranks, ranks == 1 ? " rank does" : " ranks do",
                                    " not divide into pipelines of ", cutting.stages, " stages"),
                         nn::concat("start a multiple of ", cutting.stages,
                                    " ranks, such as mpirun -n ", 2 * cutting.stages));
  return cutting;
}

Place find_place(const Choice& choice) {
  const bool is_by_hand = choice.rank && choice.ranks;
  const auto launch = training::find_launch(is_by_hand ? "none" : choice.launcher,
                                            training::environment_of_this_process());
  if (launch && !launch->ranks && !choice.ranks)
    throw nn::InputError(launch->launcher + " does not say how many ranks there are",
                         "add --ranks N, or --launcher none for a run without other ranks");
  Place place;
  place.is_restart = training::first_start_of_environment().has_value();
  place.meeting.rank = choice.rank.value_or(launch ? launch->rank : 0);
  place.meeting.ranks = choice.ranks.value_or(launch ? launch->ranks.value_or(1) : 1);
  place.meeting.timeout = training::milliseconds_of(choice.timeout);
  place.meeting.heartbeat = training::milliseconds_of(choice.heartbeat);
  if (choice.client_timeout)
    place.meeting.client_timeout = training::milliseconds_of(*choice.client_timeout);
  place.meeting.folder =
      choice.meet / (training::meeting_prefix + (launch ? launch->run : "of-ranks"));
  if (place.meeting.rank >= place.meeting.ranks)
    throw nn::InputError(
        nn::concat("there is no rank ", place.meeting.rank, " of ", place.meeting.ranks),
        "number the processes from 0 with --rank, and give each the same --ranks");
  if (choice.client_timeout && place.meeting.ranks == 1)
    throw nn::InputError("--client-timeout is for clients of other ranks, and there are none",
                         "leave it out, or start several ranks: mpirun -n 4");
  place.cutting = cutting_of(choice, place.meeting.ranks);
  if (!launch) return place;
  place.found = nn::concat(launch->launcher, " (", launch->evidence, ")");
  return place;
}

}  // namespace ranks
