#include "tools/training/steps.h"

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/stopwatch.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/cut.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/schedule.h"
#include "pipeline/training_config.h"
#include "tools/program/provenance.h"
#include "tools/training/event_log.h"
#include "tools/training/validation.h"

namespace training {

namespace {

// Also in checkpoints: a resumed run continues them.
constexpr const char *losses_file = "loss.csv", *validation_file = "validation.csv",
                     *samples_file = "samples.txt";

using nlohmann::ordered_json;
using pipeline::TrainingConfig, pipeline::Mailbox;

void note(const std::string& line) { std::cout << "note: " << line << std::endl; }

// A start's entry in run.json.
ordered_json start_of(const TrainingConfig& config, int first_step) {
  ordered_json start = tools::provenance();
  start["first_step"] = first_step;
  start["stages"] = config.topology.stages;
  start["pipelines"] = config.topology.pipelines;
  start["schedule"] = config.schedule;
  start["chunks"] = config.chunks;
  start["layers"] = pipeline::to_text(config.cut);
  start["microbatches"] = config.microbatches;
  start["steps"] = config.steps;
  start["training"] = pipeline::training_terms(config);
  return start;
}

// The steps of one rank, and what it does between them.
class Steps {
 public:
  Steps(const RankOptions& options, RunFolder& folder, pipeline::Stage& stage,
        pipeline::StageWorker& worker, BetweenSteps between, Mailbox& mailbox, State& state)
      : options_(options),
        config_(options.config),
        folder_(folder),
        worker_(worker),
        between_(between),
        mailbox_(mailbox),
        state_(state),
        saved_(options.checkpoint),
        checkpoints_(saved_, options.config, stage, worker, mailbox),
        orders_(mailbox) {}

  StepsTaken take(const std::string& text) {
    if (options_.is_resumed) resume();
    if (options_.rank == 0) std::cout << "text: " << text << std::endl;
    checkpoints_.run_id = agree_on_run();
    if (options_.rank == pipeline::recorder_of(config_)) {
      losses_.emplace(config_.steps, config_.batch * config_.length, earlier(losses_file),
                      config_.clip_norm > 0);
      if (!options_.tensorboard.empty()) events_.emplace(config_, options_.tensorboard);
      const std::string validations = earlier(validation_file);
      earlier_samples_ = earlier(samples_file);
      if (config_.evaluate_every > 0 || !validations.empty()) validations_.emplace(validations);
    }
    mailbox_.ignore_stop();  // from now on the run ends only after a whole step
    bool goes_on = done_ < config_.steps || begin();
    while (goes_on) goes_on = step();
    return {done_, losses_ ? losses_->seconds_per_step() : std::nullopt};
  }

 private:
  void resume() {
    state_.set("resuming");
    done_ = first_ = checkpoints_.resume(note);
    if (options_.rank == 0)
      std::cout << (done_ > 0 ? nn::concat("resumed: after step ", done_, " of ")
                              : std::string("started over: there is no checkpoint yet in "))
                << options_.checkpoint.string() << std::endl;
  }

  // The run's id, from rank 0: that of the checkpoint, of a resumed run that has saved nothing yet,
  // or a new one.
  std::string agree_on_run() {
    if (options_.rank != 0)
      return mailbox_.receive(0, pipeline::run_name_tag, "waiting for rank 0 to name the run")
          .text();
    std::string run = checkpoints_.run_id;
    if (run.empty() && options_.is_resumed && !folder_.has_model()) run = folder_.run();
    if (run.empty()) run = new_run();
    for (int other = 1; other < mailbox_.ranks(); ++other)
      mailbox_.send_text(other, pipeline::run_name_tag, run);
    return run;
  }

  // The content of a file of the checkpoint that the run resumed from.
  std::string earlier(const char* name) const {
    const std::filesystem::path file = saved_.path_of(done_) / name;
    return done_ > 0 && std::filesystem::exists(file) ? nn::read_file(file) : "";
  }

  // Returns whether another step follows.
  bool step() {
    worker_.on_action = [this](pipeline::Work work, int microbatch) {
      state_.set(done_ + 1, name_of(kind_of(work)), microbatch);
    };
    const std::optional<double> loss = worker_.step(done_);
    worker_.on_action = [](pipeline::Work, int) {};
    const bool goes_on = ++done_ == first_ + 1 ? begin() : hear_order();
    const std::optional<double> validation = evaluate();
    tell();
    if (losses_ && loss) losses_->add(done_, *loss, worker_.gradients().norm(), validation);
    if (events_ && loss)
      events_->add(done_, *loss, worker_.gradients().norm(),
                   config_.batch * config_.length / *losses_->seconds_per_step(), validation);
    if (losses_ && !loss) losses_->skip(done_);
    folder_.require_held();
    const int every = options_.checkpoint_every;
    if (every > 0 && (!goes_on || done_ % every == 0)) save();
    return goes_on;
  }

  // The loss of the held-out text, if it is due after this step.
  std::optional<double> evaluate() {
    if (!pipeline::is_evaluated_after(config_, done_)) return std::nullopt;
    state_.set(nn::concat("validating after step ", done_));
    const nn::Stopwatch stopwatch;
    const double loss = between_.evaluation->loss(done_ - 1, worker_.place());
    if (losses_) losses_->leave_out(stopwatch.seconds());
    if (validations_) validations_->add(done_, loss);
    return loss;
  }

  // A story, if it is due after this step.
  void tell() {
    if (!pipeline::is_story_after(config_, done_)) return;
    state_.set(nn::concat("writing a story after step ", done_));
    const nn::Stopwatch stopwatch;
    between_.stories->tell(done_, worker_.place());
    if (losses_) losses_->leave_out(stopwatch.seconds());
  }

  // Takes the folder over. Ranks may share it: rank 0 moves its contents aside before any other
  // rank looks.
  bool begin() {
    if (options_.rank == 0) take_folder();
    const bool goes_on = hear_order();
    if (options_.rank != 0) take_folder();
    if (losses_) losses_->open(options_.out / losses_file);
    if (events_) events_->open();
    if (validations_) validations_->open(options_.out / validation_file);
    if (losses_ && between_.stories)
      between_.stories->open(options_.out / samples_file, earlier_samples_);
    return goes_on;
  }

  void take_folder() {
    const std::filesystem::path aside = folder_.begin(checkpoints_.run_id);
    if (!aside.empty())
      note(nn::concat("the results of an earlier run in ", options_.out.string(), " are now in ",
                      aside.string()));
    if (options_.rank != 0) return;
    folder_.add_start(start_of(config_, first_ + 1));
    nn::write_file_atomically(options_.out / "config.toml", options_.config_file);
  }

  bool hear_order() {
    return orders_.go_on(done_, done_ < config_.steps, options_.stop && *options_.stop,
                         worker_.place() + " waited for rank 0's order");
  }

  void save() {
    state_.set(nn::concat("saving step ", done_));
    std::vector<nn::CheckpointFolder::File> more;
    const auto add = [&](const char* name) {
      more.push_back(saved_.write(done_, name, nn::read_file(options_.out / name)));
    };
    if (losses_) add(losses_file);
    if (validations_) add(validation_file);
    if (losses_ && between_.stories) add(samples_file);
    checkpoints_.save(done_, std::move(more));
  }

  const RankOptions& options_;
  const TrainingConfig& config_;
  RunFolder& folder_;
  pipeline::StageWorker& worker_;
  BetweenSteps between_;
  Mailbox& mailbox_;
  State& state_;
  nn::CheckpointFolder saved_;
  pipeline::Checkpoints checkpoints_;
  pipeline::StepOrders orders_;
  std::optional<LossLog> losses_;  // of the recorder
  std::string earlier_samples_;
  std::optional<ValidationLog> validations_;
  std::optional<EventLog> events_;
  int first_ = 0, done_ = 0;  // steps done when this start began, and now
};

}  // namespace

StepsTaken take_steps(const RankOptions& options, const std::string& text, RunFolder& folder,
                      pipeline::Stage& stage, pipeline::StageWorker& worker, BetweenSteps between,
                      Mailbox& mailbox, State& state) {
  const StepsTaken taken =
      Steps(options, folder, stage, worker, between, mailbox, state).take(text);
  if (options.rank == pipeline::recorder_of(options.config) && worker.steps_skipped > 0)
    std::cout << "skipped: " << worker.steps_skipped
              << " steps in which the loss or a gradient was not finite" << std::endl;
  return taken;
}

}  // namespace training
