#include "tools/training/elastic.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/split.h"
#include "pipeline/evaluation.h"
#include "pipeline/handover.h"
#include "pipeline/links.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/members.h"
#include "pipeline/protocol.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "pipeline/trace.h"
#include "tools/training/access.h"
#include "tools/training/course.h"
#include "tools/training/elastic_options.h"
#include "tools/training/history.h"
#include "tools/training/material.h"
#include "tools/training/report.h"
#include "tools/training/run_folder.h"
#include "tools/training/save_model.h"
#include "tools/training/steps.h"

namespace training {

namespace {

using pipeline::Epoch, pipeline::Mailbox, pipeline::Members, pipeline::TrainingConfig;
using std::chrono::milliseconds;

constexpr const char *finished = "finished", *stopped = "stopped", *run_file = "run";

std::vector<bool> states_of(const Epoch& epoch) {
  std::vector<bool> states;
  for (const Epoch::Member& member : epoch.members) states.push_back(member.has_state);
  return states;
}

class ElasticRank {
 public:
  explicit ElasticRank(RankOptions options)
      : options_(std::move(options)), state_(options_.state), members_(members_options(options_)) {
    state_.set("opening the text");
    material_.emplace(options_);
  }

  bool run() {
    for (;;) {
      state_.set(course_.is_under_way ? "agreeing on the members" : "waiting to join");
      const std::optional<Epoch> epoch = members_.agree(offer());
      if (!epoch) {
        std::cout << "note: the run has ended in " << members_.folder().string() << std::endl;
        return members_.how_it_ended() == finished;
      }
      const int rank = epoch->rank_of(members_.id());
      if (rank >= 0) {
        if (const std::optional<bool> is_done = train(*epoch, rank)) return *is_done;
      } else {
        std::cout << "note: the others went on without this rank; it is waiting to rejoin"
                  << std::endl;
        course_.is_under_way = false;
      }
    }
  }

 private:
  std::optional<Members::State> offer() const {
    if (!course_.is_under_way) return {};
    return Members::State{course_.done, is_prepared_, course_.result()};
  }

  // The members train as if they were all of the run, but share out its whole batch.
  RankOptions options_of(const Epoch& epoch, int rank) const {
    RankOptions options = options_;
    pipeline::Topology& topology = options.config.topology;
    options.config.full_pipelines = topology.pipelines;
    topology.pipelines = static_cast<int>(epoch.members.size()) / topology.stages;
    options.rank = rank;
    options.meeting = members_.folder() / nn::concat("meeting-", epoch.number);
    options.is_resumed |= epoch.number > 1 && rank == 0 && has_results();
    return options;
  }

  // Whether this run, before it lost its state, had taken its folder over.
  bool has_results() const {
    const std::filesystem::path file = members_.folder() / run_file;
    return std::filesystem::exists(file) &&
           nn::read_file(file) ==
               RunFolder(options_.out, options_.checkpoint, RunFolder::Locks::none).run();
  }

  // Trains until members are lost or come: returns nothing then, and otherwise whether the run
  // finished its steps.
  std::optional<bool> train(const Epoch& epoch, int rank) {
    const RankOptions options = options_of(epoch, rank);
    if (!epoch.done)
      course_.is_under_way = false, stage_.reset(), optimizers_.clear(), steps_skipped_ = 0;
    if (!stage_) material_->make_stage(options, stage_);
    pipeline::Trace trace(false);
    std::optional<pipeline::StageWorker> worker;
    std::optional<bool> is_done;
    {
      pipeline::Network network;
      std::optional<Mailbox> mailbox;
      std::string reason;
      try {
        meet(epoch, options, network, mailbox);
        worker.emplace(options.config, *stage_, *mailbox, material_->windows_of(options), trace);
        worker->gradients().give_optimizers(std::exchange(optimizers_, {}));
        worker->steps_skipped = steps_skipped_;
        if (epoch.done) catch_up(epoch, options, *worker, *mailbox);
        is_done = take_all_steps(epoch, options, *worker, *mailbox);
      } catch (const pipeline::PeerLost& lost) {
        std::cout << "note: " << lost.what() << std::endl;
        reason = lost.news;
      } catch (const Mailbox::Stopped&) {
        reason = nn::concat("rank ", rank, " was told that others go on without it");
      } catch (const std::exception& error) {
        reason = nn::concat("rank ", rank, " failed: ", error.what());
        if (!members_.is_outdated()) {
          if (mailbox) mailbox->announce_failure(reason);
          throw;
        }
      }
      if (mailbox && !reason.empty()) mailbox->announce_failure(reason);
    }
    if (worker) keep(*worker);
    return is_done;
  }

  // From here on no message reads the stage's memory.
  void keep(pipeline::StageWorker& worker) {
    optimizers_ = worker.gradients().take_optimizers();
    is_prepared_ = worker.gradients().is_prepared();
    steps_skipped_ = worker.steps_skipped;
    stage_->abandon();
  }

  void meet(const Epoch& epoch, RankOptions options, pipeline::Network& network,
            std::optional<Mailbox>& mailbox) {
    state_.set("meeting the other ranks");
    const TrainingConfig& config = options.config;
    pipeline::require_valid(config);
    options.stop = &members_.is_over();
    Mailbox::Options access = mailbox_options(options);
    const milliseconds deadline = access.deadline;
    if (epoch.number > 1) access.deadline = std::min(deadline, 3 * access.heartbeat);
    for (int other : pipeline::handover_links(config, states_of(epoch), options.rank))
      if (!std::ranges::count(*access.links, other)) access.links->push_back(other);
    try {
      if (config.topology.ranks() > 1) join_meeting(options, access);
    } catch (const nn::InputError& error) {  // such as a full disk: the others are still there
      throw pipeline::PeerLost(error.what(), error.what());
    }
    const milliseconds patience = std::exchange(access.deadline, deadline);
    access.largest_message = pipeline::largest_message(config);
    mailbox.emplace(network, access);
    mailbox->expect(pipeline::Protocol(config, options.rank));
    mailbox->begin_step(epoch.done.value_or(0));
    mailbox->meet(pipeline::terms(config), patience);
    end_meeting(options);
    if (options.rank != 0) return;
    std::cout << "members: " << config.topology.pipelines << " pipelines (the run began with "
              << options_.config.topology.pipelines << ") from step " << epoch.done.value_or(0) + 1
              << " on (" << epoch.why << ')' << std::endl;
  }

  // Brings all members to the same state.
  void catch_up(const Epoch& epoch, const RankOptions& options, pipeline::StageWorker& worker,
                Mailbox& mailbox) {
    state_.set("catching up");
    Course now;
    now.follow(*epoch.done, epoch.result);
    if (course_.is_under_way && course_.done < now.done) {
      const bool counts = worker.gradients().apply(course_.done, now.verdict);
      worker.steps_skipped += !counts;
      const double loss = now.verdict.losses / options.config.all_microbatches();
      course_.add(now.done, counts ? std::optional(loss) : std::nullopt, now.verdict);
    }
    stage_->model().parameters().zero_gradients();
    pipeline::hand_over(options.config, states_of(epoch), mailbox, *stage_, worker.gradients(),
                        worker.steps_skipped, now.done);
    if (course_.is_under_way) return;
    course_.rows.clear();
    course_.follow(now.done, epoch.result);
  }

  std::optional<bool> take_all_steps(const Epoch& epoch, const RankOptions& options,
                                     pipeline::StageWorker& worker, Mailbox& mailbox) {
    const TrainingConfig& config = options.config;
    using Locks = RunFolder::Locks;
    RunFolder folder(options.out, options.checkpoint,
                     options.rank != 0 ? Locks::none
                     : epoch.number > 1 && std::filesystem::exists(members_.folder() / run_file)
                         ? Locks::take_over
                         : Locks::own);
    if (options.rank == 0 && !epoch.done) require_valid_folders(options);  // now with the locks
    std::optional<pipeline::Evaluation> evaluation;
    if (config.evaluate_every > 0)
      evaluation.emplace(config, *stage_, mailbox, *material_->windows.held_out);
    History history(options.out, epoch, config.topology.stages);
    if (options.rank == 0 && last_epoch_ && epoch.done)  // if its rank 0 was lost before
      History(options.out, *last_epoch_, config.topology.stages).after_step(*epoch.done, course_);
    last_epoch_ = epoch;
    course_.on_run = [&](const std::string& run) {
      if (options.rank == 0) nn::write_file_atomically(members_.folder() / run_file, run);
    };
    course_.calls_others = [&](int done) {
      history.after_step(done, course_);
      return members_.has_newcomers(done);
    };
    const StepsTaken taken =
        take_steps(options, material_->description, folder, *stage_, worker,
                   {.evaluation = evaluation ? &*evaluation : nullptr}, mailbox, state_, &course_);
    if (taken.calls_others) {
      mailbox.part();
      return {};
    }
    const bool is_done = taken.last == config.steps;
    state_.set("saving");
    save_model(options, *stage_, material_->text, mailbox, {{"step", std::to_string(taken.last)}});
    report_costs(options, worker, mailbox, taken.seconds_per_step);
    if (options.rank == 0) members_.end(is_done ? finished : stopped);
    mailbox.part();
    state_.set("done");
    std::cout << summary_of(options.rank, mailbox.strangers()) << std::flush;
    if (!is_done && options.rank == 0)
      std::cout << "stopped after step " << taken.last << " of " << config.steps << std::endl;
    return is_done;
  }

  RankOptions options_;
  State state_;
  Members members_;
  std::optional<Material> material_;
  std::unique_ptr<pipeline::Stage> stage_;
  pipeline::Gradients::Optimizers optimizers_;
  int steps_skipped_ = 0;
  bool is_prepared_ = false;  // for the step after the last one done
  std::optional<Epoch> last_epoch_;
  Course course_;
};

}  // namespace

bool run_elastic_rank(RankOptions options) { return ElasticRank(std::move(options)).run(); }

}  // namespace training
