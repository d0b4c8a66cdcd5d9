#include "tools/training/elastic.h"

#include <exception>
#include <iostream>
#include <optional>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/evaluation.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/members.h"
#include "pipeline/protocol.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "pipeline/trace.h"
#include "tools/training/access.h"
#include "tools/training/course.h"
#include "tools/training/elastic_options.h"
#include "tools/training/end_of_run.h"
#include "tools/training/history.h"
#include "tools/training/material.h"
#include "tools/training/replica.h"
#include "tools/training/report.h"
#include "tools/training/run_folder.h"
#include "tools/training/save_model.h"
#include "tools/training/steps.h"

namespace training {

namespace {

using pipeline::Epoch, pipeline::Mailbox, pipeline::Members, pipeline::TrainingConfig;

constexpr const char *finished = "finished", *stopped = "stopped", *run_file = "run";

class ElasticRank {
 public:
  explicit ElasticRank(RankOptions options)
      : options_(std::move(options)), state_(options_.state), members_(members_options(options_)) {
    state_.set("opening the text");
    material_.emplace(options_);
    members_.set_terms(nn::concat(pipeline::terms(options_.config), "\nmessages ",
                                  pipeline::Header::right_version));
    if (!members_.has_others_at_work() && has_ended(options_)) members_.end(finished);
  }

  bool run() {
    for (;;) {
      state_.set(replica_.course.is_under_way ? "agreeing on the members" : "waiting to join");
      const std::optional<Epoch> epoch = members_.agree(replica_.offer());
      if (!epoch) {
        std::cout << "note: the run has ended in " << options_.meeting.string() << std::endl;
        return members_.how_it_ended() == finished;
      }
      const int rank = epoch->rank_of(members_.id());
      if (rank >= 0) {
        if (const std::optional<bool> is_done = train(*epoch, rank)) return *is_done;
      } else {
        std::cout << "note: the others went on without this rank; it is waiting to rejoin"
                  << std::endl;
        replica_.lose_state();
      }
    }
  }

 private:
  RankOptions options_of(const Epoch& epoch, int rank) const {
    RankOptions options = options_;
    options.config = config_of(options_.config, epoch);
    options.rank = rank;
    options.meeting = options_.meeting / nn::concat("meeting-", epoch.number);
    options.is_resumed |= epoch.number > 1 && rank == 0 && has_results();
    return options;
  }

  // Whether this run, before it lost its state, had taken its folder over.
  bool has_results() const {
    const std::filesystem::path file = options_.meeting / run_file;
    return std::filesystem::exists(file) &&
           nn::read_file(file) ==
               RunFolder(options_.out, options_.checkpoint, RunFolder::Locks::none).run();
  }

  // Trains until members are lost or come: returns nothing then, and otherwise whether the run
  // finished its steps.
  std::optional<bool> train(const Epoch& epoch, int rank) {
    const RankOptions options = options_of(epoch, rank);
    replica_.begin(epoch, rank);
    if (!replica_.stage) material_->make_stage(options, replica_.stage);
    pipeline::Trace trace(false);
    std::optional<pipeline::StageWorker> worker;
    std::optional<bool> is_done;
    {
      pipeline::Network network;
      std::optional<Mailbox> mailbox;
      const auto lost = work_in_epoch(members_, rank, mailbox, [&] {
        meet(epoch, options, network, mailbox);
        worker.emplace(options.config, *replica_.stage, *mailbox, material_->windows_of(options),
                       trace);
        replica_.enter(*worker);
        if (epoch.done) state_.set("catching up");
        replica_.catch_up(epoch, options.config, *worker, *mailbox);
        is_done = take_all_steps(epoch, options, *worker, *mailbox);
      });
      if (lost) std::cout << "note: " << *lost << std::endl;
    }
    if (worker) replica_.leave(*worker);
    return is_done;
  }

  void meet(const Epoch& epoch, RankOptions options, pipeline::Network& network,
            std::optional<Mailbox>& mailbox) {
    state_.set("meeting the other ranks");
    if (options.rank == 0) remove_old_meetings(options_.meeting.parent_path());
    const TrainingConfig& config = options.config;
    pipeline::require_valid(config);
    options.stop = &members_.is_over();
    Mailbox::Options access = mailbox_options(options);
    add_links(access, epoch, config);
    const auto deadline = std::exchange(access.deadline, patience_of(epoch, access));
    try {
      if (config.topology.ranks() > 1) join_meeting(options, access);
    } catch (const nn::InputError& error) {  // such as a full disk: the others are still there
      throw pipeline::PeerLost(error.what(), error.what());
    }
    const auto patience = std::exchange(access.deadline, deadline);
    access.largest_message = pipeline::largest_message(config);
    mailbox.emplace(network, access);
    mailbox->expect(pipeline::Protocol(config, options.rank));
    mailbox->begin_step(step_before(epoch));
    connect(options, *mailbox, pipeline::terms(config), patience);
    if (options.rank != 0) return;
    std::cout << "members: " << config.topology.pipelines
              << (config.topology.pipelines == 1 ? " pipeline" : " pipelines")
              << " (the run began with " << options_.config.topology.pipelines << ") from step "
              << epoch.done.value_or(0) + 1 << " on (" << epoch.why << ')' << std::endl;
  }

  std::optional<bool> take_all_steps(const Epoch& epoch, const RankOptions& options,
                                     pipeline::StageWorker& worker, Mailbox& mailbox) {
    const TrainingConfig& config = options.config;
    using Locks = RunFolder::Locks;
    RunFolder folder(options.out, options.checkpoint,
                     options.rank != 0 ? Locks::none
                     : epoch.number > 1 && std::filesystem::exists(options_.meeting / run_file)
                         ? Locks::take_over
                         : Locks::own);
    if (options.rank == 0 && !epoch.done) require_valid_folders(options);  // now with the locks
    std::optional<pipeline::Evaluation> evaluation;
    if (config.evaluate_every > 0)
      evaluation.emplace(config, *replica_.stage, mailbox, *material_->windows.held_out);
    History history(options.out, epoch, config.topology.stages);
    // If the rank 0 of the epoch before was lost at once. In a replay this one may have been away.
    if (options.rank == 0 && epoch.done && last_epoch_ && last_epoch_->number + 1 == epoch.number)
      History(options.out, *last_epoch_, config.topology.stages)
          .after_step(*epoch.done, replica_.course);
    last_epoch_ = epoch;
    Course& course = replica_.course;
    course.on_run = [&](const std::string& run) {
      if (options.rank == 0) nn::write_file_atomically(options_.meeting / run_file, run);
    };
    course.calls_others = [&](int done) {
      history.after_step(done, replica_.course);
      return members_.has_newcomers(done);
    };
    const StepsTaken taken =
        take_steps(options, material_->description, folder, *replica_.stage, worker,
                   {.evaluation = evaluation ? &*evaluation : nullptr}, mailbox, state_, &course);
    if (taken.calls_others) {
      mailbox.part();
      return {};
    }
    const bool is_done = taken.last == config.steps;
    state_.set("saving");
    save_model(options, *replica_.stage, material_->text, mailbox,
               {{"step", std::to_string(taken.last)}});
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
  Replica replica_;
  std::optional<Epoch> last_epoch_;
};

}  // namespace

bool run_elastic_rank(RankOptions options) { return ElasticRank(std::move(options)).run(); }

}  // namespace training
