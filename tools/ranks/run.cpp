#include "tools/ranks/run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/files/engine.h"
#include "pipeline/mailbox/meeting.h"
#include "pipeline/mailbox/shared_folder.h"
#include "tools/federated/dataset.h"
#include "tools/federated/runner.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/ranks/rank_executor.h"
#include "tools/ranks/run_lock.h"
#include "tools/ranks/serve.h"

namespace ranks {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_of_watch{250};  // as long as a meeting's
// For a lost rank, then anew: a meeting that lasts for a day counts as abandoned.
constexpr std::chrono::hours longest_wait{1};

// On a line of its own, also where a progress bar is.
void say(const std::string& line) {
  std::cerr << (isatty(STDERR_FILENO) ? "\r\x1b[K" : "") + line + '\n';
}

// Meeting ends as the program does when it is interrupted.
template <class Meet>
auto interruptible(const Meet& meet) {
  try {
    return meet();
  } catch (const pipeline::Mailbox::Stopped&) {
    throw tools::Stopped{tools::stop_signal()};
  }
}

// What all ranks must have in common: the run, the program's version, and how clients are cut.
std::string terms_of(const std::string& run, const Cutting& cutting) {
  return nn::concat(run, "\nengine ", nn::describe_engine().at("engine"), "\nstages ",
                    cutting.stages, "\nschedule ", cutting.schedule);
}

// Meets ranks that were lost once they are started again: connect(place) until it succeeds. Null
// once it is told to stop. `who`: "rank 3".
template <class Connect>
auto connect_again(MeetingPlace place, const std::string& who, const std::atomic<bool>& stop,
                   const Connect& connect) -> decltype(connect(place)) {
  place.stop = &stop;
  bool is_refused = false;
  while (!stop) {
    try {
      return connect(place);
    } catch (const pipeline::Mailbox::Stopped&) {
      return nullptr;
    } catch (const nn::InputError& error) {
      if (!std::exchange(is_refused, true)) say(who + " cannot come back: " + error.what());
    } catch (const std::exception&) {  // it was lost again
    }
    std::this_thread::sleep_for(
        std::min<milliseconds>(place.heartbeat / 10, std::chrono::seconds(1)));
  }
  return nullptr;
}

// Waits for other ranks, by meet(place), while that makes sense. Throws Mailbox::Stopped if a rank
// that `has_met` them before sees that rank 0 has gone, and nn::InputError if rank 0 cuts clients
// otherwise: such ranks would look for each other in vain.
template <class Meet>
void meet_beside_rank_0(const Place& place, bool has_met, const Meet& meet) {
  MeetingPlace meeting = place.meeting;
  std::atomic<bool> is_in_vain = false;
  meeting.stop = &is_in_vain;
  RankZero seen;  // by the watch, which changes it no more once the wait is in vain
  const auto is_refused = [&] {
    return seen.stages.value_or(place.cutting.stages) != place.cutting.stages;
  };
  const auto look = [&] {
    if (is_in_vain) return;
    seen = look_for_rank_0(place.meeting);
    is_in_vain = (place.meeting.stop && *place.meeting.stop) ||
                 (has_met ? seen.state != RankZero::there : is_refused());
  };
  const auto watch = pipeline::shared_folder(place.meeting.folder)->repeat(pause_of_watch, look);
  try {
    meet(meeting);
  } catch (const pipeline::Mailbox::Stopped&) {
    if (!is_refused()) throw;
    throw nn::InputError(nn::concat("rank 0 was started with --stages ", *seen.stages, ", rank ",
                                    meeting.rank, " with ", place.cutting.stages),
                         "start all ranks with the same options, except --rank");
  }
}

// Meets the pipeline of a lead.
std::unique_ptr<ClientPipeline> meet_pipeline(const MeetingPlace& place,
                                              const pipeline::TrainingConfig& config,
                                              const std::string& terms, int threads) {
  const auto meet = [=](const MeetingPlace& meeting, milliseconds patience) {
    return std::make_unique<StageRank>(meeting, config, terms, threads, patience);
  };
  const auto meet_again = [=](const std::atomic<bool>& stop) {
    return connect_again(place, nn::concat("the pipeline of rank ", place.rank), stop,
                         [&](const MeetingPlace& meeting) { return meet(meeting, longest_wait); });
  };
  return std::make_unique<ClientPipeline>(meet(place, place.timeout), config, meet_again, say);
}

}  // namespace

federated::Runner::MakeExecutor make_executor(const Place& place, int threads) {
  if (place.meeting.ranks == 1) return nullptr;
  // Until the run is over.
  const auto lock = std::make_shared<RunLock>(place.meeting, place.cutting.stages);
  return [place, threads, lock](fl::Server& server, const std::string& run) {
    return interruptible([&]() -> std::unique_ptr<fl::Executor> {
      const auto& [stages, schedule] = place.cutting;
      const std::string terms = terms_of(run, place.cutting);
      std::optional<pipeline::TrainingConfig> config;  // of a pipeline
      if (stages > 1)
        config = config_of(server.model(), place.cutting, place.meeting.ranks, server.precision());
      say(nn::concat(place.meeting.ranks, " ranks",
                     stages > 1 ? nn::concat(", ", stages, " for a client") : "",
                     place.found.empty() ? "" : ", started by " + place.found, "; meeting in ",
                     place.meeting.folder.string(), "-*"));
      std::vector<std::future<std::unique_ptr<Connection>>> meetings;
      for (int rank = stages; rank < place.meeting.ranks; rank += stages)
        meetings.push_back(std::async(std::launch::async, [&, rank] {
          return std::make_unique<Connection>(place.meeting, rank, terms, place.meeting.timeout);
        }));
      std::unique_ptr<ClientPipeline> pipeline;
      if (config) pipeline = meet_pipeline(place.meeting, *config, terms, threads);
      RankExecutor::Connections others;
      for (auto& meeting : meetings) others.push_back(meeting.get());
      return std::make_unique<RankExecutor>(
          server.threads(), std::move(pipeline), std::move(others),
          [place, terms](int rank, const std::atomic<bool>& stop) {
            return connect_again(
                place.meeting, nn::concat("rank ", rank), stop, [&](const MeetingPlace& meeting) {
                  return std::make_unique<Connection>(meeting, rank, terms, longest_wait);
                });
          },
          say);
    });
  };
}

// Trains clients, alone or as the lead of a pipeline. Returns how often.
static int serve_clients(fl::Server& server, const Place& place, const std::string& terms,
                         int threads) {
  std::unique_ptr<ClientPipeline> pipeline;
  std::optional<Channel> channel;
  meet_beside_rank_0(place, false, [&](const MeetingPlace& meeting) {
    if (place.cutting.stages > 1) {
      const auto config =
          config_of(server.model(), place.cutting, meeting.ranks, server.precision());
      pipeline = meet_pipeline(meeting, config, terms, threads);
    }
    channel.emplace(meeting, with_rank_0(meeting.rank), terms, meeting.timeout);
  });
  if (pipeline) server.threads().workers()[0].compute_with(pipeline.get());
  return serve(server.threads(), *channel);
}

// Computes gradients in a pipeline. When a rank of it is lost, the others wait for it while rank 0
// is there. Returns how often.
static int serve_stage(const pipeline::TrainingConfig& config, const Place& place,
                       const std::string& terms, int threads) {
  const std::string name = nn::concat("rank ", place.meeting.rank);
  const auto state_of_rank_0 = [&] { return look_for_rank_0(place.meeting).state; };
  const auto has_ended = [&](RankZero::State rank_0) {
    if (rank_0 == RankZero::killed) throw nn::Error(name + ": rank 0 is gone");
    if (rank_0 == RankZero::absent) say(name + ": the run has ended without its pipeline");
    return rank_0 == RankZero::absent;
  };
  std::unique_ptr<StageRank> stage;
  bool has_met = false;
  for (int served = 0;;) {
    try {
      meet_beside_rank_0(place, has_met, [&](const MeetingPlace& meeting) {
        stage = std::make_unique<StageRank>(meeting, config, terms, threads, meeting.timeout);
      });
      has_met = true;
      stage->serve(served);
      return served;
    } catch (const pipeline::PeerLost& lost) {
      stage.reset();
      const RankZero::State rank_0 = state_of_rank_0();
      const bool may_not_have_begun = rank_0 == RankZero::absent && served == 0;
      if (rank_0 == RankZero::killed || may_not_have_begun) throw;
      if (has_ended(rank_0)) return served;
      say(nn::concat(lost.what(), "; ", name, " waits for its pipeline"));
    } catch (const pipeline::Mailbox::Stopped&) {
      if (place.meeting.stop && *place.meeting.stop) throw;
      if (has_ended(state_of_rank_0())) return served;
    } catch (const nn::InputError& error) {  // a rank was started again with other options
      if (!has_met) throw;
      say(nn::concat("the pipeline of ", name, " cannot come back: ", error.what()));
      std::this_thread::sleep_for(std::chrono::seconds(1));
      if (has_ended(state_of_rank_0())) return served;
    }
  }
}

void serve_run(const federated::Experiment& asked, const federated::Resources& resources,
               const Place& place) {
  const federated::Dataset dataset = federated::open_dataset(resources.data);
  const federated::Experiment experiment =
      federated::settled(federated::with_clients_of(*dataset.train, asked));
  federated::validate(experiment, dataset.task());
  fl::Config config = federated::config_of(experiment, *dataset.train);
  const int rank = place.meeting.rank;
  const int stages = place.cutting.stages;
  const std::string terms =
      terms_of(federated::identity_of(experiment, dataset.task()), place.cutting);
  const auto report = [&](const char* what, int times) {
    say(nn::concat("rank ", rank, what, times, times == 1 ? " time" : " times"));
  };
  const auto serve_all = [&] {
    if (rank % stages != 0) {
      nn::Generator unused;
      const auto stage = config_of(*config.make_model(unused), place.cutting, place.meeting.ranks,
                                   config.precision);
      return report(" computed gradients ", serve_stage(stage, place, terms, resources.threads));
    }
    config.threads = stages > 1 ? 1 : resources.threads;  // the others are a stage's
    fl::Server server(std::move(config), *dataset.train, *dataset.test);
    report(" trained clients ", serve_clients(server, place, terms, resources.threads));
  };
  try {
    interruptible(serve_all);
  } catch (const pipeline::NotMet&) {
    if (!place.is_restart || look_for_rank_0(place.meeting).state != RankZero::absent) throw;
    say(nn::concat("rank ", rank, " was started again and finds no run: it has ended"));
  }
}

}  // namespace ranks
