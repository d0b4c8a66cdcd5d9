#include "tools/ranks/launch.h"

#include <algorithm>
#include <chrono>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "tools/training/launcher.h"

namespace ranks {

void add_options(tools::Options& command, Choice& choice) {
  command
      .add("--launcher", choice.launcher,
           "what started the processes that share the clients: " +
               nn::join(training::launcher_names(), ", ", " or "))
      .among(training::launcher_names());
  command.add("--rank", choice.rank, "number of this process among them: the launcher's, or 0")
      .between(0, 4095);
  command.add("--ranks", choice.ranks, "how many there are: the launcher's, or 1").between(1, 4096);
  command.add("--meet", choice.meet, "folder that all of them see, in which they find each other");
  command.add("--timeout", choice.timeout, "longest wait for them at the start, in seconds")
      .between(0.1, 1e6);
  command.add("--heartbeat", choice.heartbeat, "seconds until a frozen one counts as lost")
      .between(0.1, 1e6);
}

int ranks_here() {
  const auto launch = training::find_launch("auto", training::environment_of_this_process());
  return launch ? std::max(1, launch->ranks_here) : 1;
}

static std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000));
}

Place find_place(const Choice& choice) {
  const bool is_by_hand = choice.rank && choice.ranks;
  const auto launch = training::find_launch(is_by_hand ? "none" : choice.launcher,
                                            training::environment_of_this_process());
  Place place;
  place.meeting.rank = choice.rank.value_or(launch ? launch->rank : 0);
  place.meeting.ranks = choice.ranks.value_or(launch ? launch->ranks.value_or(1) : 1);
  place.meeting.timeout = milliseconds(choice.timeout);
  place.meeting.heartbeat = milliseconds(choice.heartbeat);
  place.meeting.folder = choice.meet / (".meeting-" + (launch ? launch->run : "of-ranks"));
  if (place.meeting.rank >= place.meeting.ranks)
    throw nn::InputError(
        nn::concat("there is no rank ", place.meeting.rank, " of ", place.meeting.ranks),
        "give --ranks, and each process another --rank from 0 on");
  if (!launch) return place;
  place.found = nn::concat(launch->launcher, " (", launch->evidence, ")");
  return place;
}

}  // namespace ranks
