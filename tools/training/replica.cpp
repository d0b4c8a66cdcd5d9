#include "tools/training/replica.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "nn/base/error.h"
#include "pipeline/handover.h"

namespace training {

using pipeline::Epoch, pipeline::Mailbox, pipeline::StageWorker, pipeline::TrainingConfig;

std::optional<pipeline::Members::State> Replica::offer() const {
  if (!course.is_under_way) return {};
  return pipeline::Members::State{course.done, is_prepared_, course.result()};
}

void Replica::begin(const Epoch& epoch, int rank) {
  if (!epoch.members[rank].has_state) lose_state();
  if (epoch.done) return;
  stage.reset(), optimizers_.clear(), steps_skipped_ = 0;
}

void Replica::enter(StageWorker& worker) {
  worker.gradients().give_optimizers(std::exchange(optimizers_, {}));
  worker.steps_skipped = steps_skipped_;
}

void Replica::leave(StageWorker& worker) {
  optimizers_ = worker.gradients().take_optimizers();
  is_prepared_ = worker.gradients().is_prepared();
  steps_skipped_ = worker.steps_skipped;
  stage->abandon();
}

void Replica::catch_up(const Epoch& epoch, const TrainingConfig& config, StageWorker& worker,
                       Mailbox& mailbox) {
  if (!epoch.done) return;
  Course now;
  now.follow(*epoch.done, epoch.result);
  if (course.is_under_way && course.done < now.done) {
    const bool counts = worker.gradients().apply(course.done, now.verdict);
    worker.steps_skipped += !counts;
    const double loss = now.verdict.losses / config.all_microbatches();
    course.add(now.done, counts ? std::optional(loss) : std::nullopt, now.verdict);
  }
  stage->model().parameters().zero_gradients();
  pipeline::hand_over(config, epoch.states(), mailbox, *stage, worker.gradients(),
                      worker.steps_skipped, now.done);
  if (course.is_under_way) return;
  course.rows.clear();
  course.follow(now.done, epoch.result);
}

std::optional<std::string> work_in_epoch(const pipeline::Members& members, int rank,
                                         std::optional<Mailbox>& mailbox,
                                         const std::function<void()>& work) {
  const auto announce = [&](const std::string& reason) {
    if (mailbox) mailbox->announce_failure(reason);
  };
  try {
    work();
  } catch (const pipeline::PeerLost& lost) {
    announce(lost.news);
    return lost.what();
  } catch (const Mailbox::Stopped&) {
    announce(nn::concat("rank ", rank, " was told that others go on without it"));
  } catch (const std::exception& error) {
    announce(nn::concat("rank ", rank, " failed: ", error.what()));
    if (members.is_outdated()) return {};
    const std::string missing = members.missing_folder();
    if (missing.empty()) throw;
    throw nn::Error(nn::concat(error.what(), "; ", missing));
  }
  return {};
}

TrainingConfig config_of(const TrainingConfig& run, const Epoch& epoch) {
  TrainingConfig config = run;
  pipeline::Topology& topology = config.topology;
  config.full_pipelines = topology.pipelines;
  topology.pipelines = static_cast<int>(epoch.members.size()) / topology.stages;
  return config;
}

void add_links(Mailbox::Options& access, const Epoch& epoch, const TrainingConfig& config) {
  for (int other : pipeline::handover_links(config, epoch.states(), access.rank))
    if (!std::ranges::count(*access.links, other)) access.links->push_back(other);
}

int step_before(const Epoch& epoch) { return std::max(epoch.done.value_or(0) - 1, 0); }

std::chrono::milliseconds patience_of(const Epoch& epoch, const Mailbox::Options& access) {
  return epoch.number > 1 ? std::min(access.deadline, 3 * access.heartbeat) : access.deadline;
}

}  // namespace training
