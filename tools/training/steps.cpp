#include "tools/training/steps.h"

#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/stopwatch.h"
#include "nn/files/checkpoint_folder.h"
#include "nn/team.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/cut.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/training_config.h"
#include "tools/program/provenance.h"
#include "tools/training/folder_mark.h"
#include "tools/training/peak.h"
#include "tools/training/records.h"
#include "tools/training/traffic.h"

namespace training {

namespace {

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
        pipeline::StageWorker& worker, BetweenSteps between, Mailbox& mailbox, State& state,
        Course* course)
      : options_(options),
        config_(options.config),
        folder_(folder),
        team_(stage.team()),
        worker_(worker),
        between_(between),
        mailbox_(mailbox),
        state_(state),
        course_(course),
        continues_(course && course->has_begun()),
        saved_(options.checkpoint),
        checkpoints_(saved_, options.config, stage, worker, mailbox),
        orders_(mailbox),
        traffic_(options.config, mailbox) {}

  StepsTaken take(const std::string& text) {
    if (course_ && course_->is_under_way)
      done_ = first_ = course_->done;
    else if (options_.is_resumed || course_)
      resume();
    if (options_.rank == 0 && !continues_) std::cout << "text: " << text << std::endl;
    const double at_peak = options_.rehearsal ? 0 : seconds_at_peak(config_, agree_on_peak());
    checkpoints_.run_id = agree_on_run();
    if (course_) course_->set_out(done_, checkpoints_.run_id);
    if (options_.rank == pipeline::recorder_of(config_)) {
      records_.emplace(options_, losses(), validations(), at_peak);
      earlier_samples_ = earlier(samples_file);
    }
    if (!course_) mailbox_.ignore_stop();  // from now on the run ends only after a whole step
    if (!others_come_first()) {
      bool goes_on = continues_ ? go_on() : done_ < config_.steps || begin();
      while (goes_on) goes_on = step();
    }
    if (mailbox_.ranks() > 1) std::cout << traffic_.text() << std::endl;
    return {done_, records_ ? records_->seconds_per_step() : std::nullopt, orders_.calls_others()};
  }

 private:
  // In an elastic run rank 0 alone knows whether there is something to resume.
  void resume() {
    state_.set("resuming");
    done_ = first_ = checkpoints_.resume(note, options_.is_resumed);
    if (options_.rank == 0 && options_.is_resumed)
      std::cout << (done_ > 0 ? nn::concat("resumed: after step ", done_, " of ")
                              : std::string("begins at step 1: there is no checkpoint yet in "))
                << options_.checkpoint.string() << std::endl;
  }

  double agree_on_peak() {
    state_.set("measuring the peak");
    const double peak = measure_peak(team_, mailbox_);
    if (options_.rank == 0 && !continues_)
      std::cout << "peak: " << std::lround(peak / 1e9)
                << " GFLOP/s; steps show their share in percent" << std::endl;
    return peak;
  }

  // The run's id, from rank 0: that of the checkpoint, of a resumed run that has saved nothing yet,
  // or a new one.
  std::string agree_on_run() {
    const bool shares_files =
        mailbox_.ranks() > 1 && (options_.checkpoint_every > 0 || config_.is_elastic);
    if (options_.rank != 0) {
      const std::string run =
          mailbox_.receive(0, pipeline::run_name_tag, "waiting for rank 0 to name the run").text();
      if (shares_files) require_marked_folder(options_, run);
      return run;
    }
    std::string run = course_ && course_->is_under_way ? course_->run : checkpoints_.run_id;
    if (run.empty() && options_.is_resumed && !folder_.has_model()) run = folder_.run();
    if (run.empty()) run = new_run();
    if (shares_files) mark_folder(options_, run);
    for (int other = 1; other < mailbox_.ranks(); ++other)
      mailbox_.send_text(other, pipeline::run_name_tag, run);
    return run;
  }

  // The contents so far of the files that the recorder writes: those of the checkpoint that the run
  // resumed from, or of the folder, where an epoch may have left out the last row.
  std::string losses() const {
    return continues_ ? course_->losses(options_.out, config_.clip_norm > 0) : earlier(losses_file);
  }
  std::string validations() const {
    return continues_ ? rows_until(content_of(options_.out / validation_file), done_ - 1)
                      : earlier(validation_file);
  }
  std::string earlier(const char* name) const {
    return done_ > 0 ? content_of(saved_.path_of(done_) / name) : "";
  }
  static std::string content_of(const std::filesystem::path& file) {
    return std::filesystem::exists(file) ? nn::read_file(file) : "";
  }

  // With other members than before. What the last epoch may not have finished is done again.
  bool go_on() {
    const bool goes_on = begin();
    evaluate();
    if (!goes_on && !orders_.calls_others() && options_.checkpoint_every > 0) save();
    return goes_on;
  }

  // Returns whether another step follows.
  bool step() {
    worker_.actions().on_action = [this](pipeline::Work work, int microbatch) {
      state_.set(done_ + 1, name_of(kind_of(work)), microbatch);
    };
    const std::optional<double> loss = worker_.step(done_);
    worker_.actions().on_action = [](pipeline::Work, int) {};
    traffic_.add_step(++done_);
    if (course_) course_->add(done_, loss, worker_.gradients().verdict());
    const bool goes_on = has_begun_ ? hear_order() : begin();
    const std::optional<double> validation = evaluate();
    tell();
    if (records_) records_->add(done_, loss, worker_.gradients().norm(), validation);
    folder_.require_held();
    const int every = options_.checkpoint_every;
    const bool is_last = !goes_on && !orders_.calls_others();
    if (every > 0 && (is_last || done_ % every == 0)) save();
    return goes_on;
  }

  // The loss of the held-out text, if it is due after this step.
  std::optional<double> evaluate() {
    if (!pipeline::is_evaluated_after(config_, done_)) return std::nullopt;
    state_.set(nn::concat("validating after step ", done_));
    const nn::Stopwatch stopwatch;
    const double loss = between_.evaluation->loss(done_ - 1, worker_.place());
    if (records_) records_->add_validation(done_, loss, stopwatch.seconds());
    return loss;
  }

  void tell() {
    if (!pipeline::is_story_after(config_, done_)) return;
    state_.set(nn::concat("writing a story after step ", done_));
    const nn::Stopwatch stopwatch;
    between_.stories->tell(done_, worker_.place());
    if (records_) records_->leave_out(stopwatch.seconds());
  }

  // Takes the folder over. Ranks may share it: rank 0 moves its contents aside before any other
  // rank looks.
  bool begin() {
    if (options_.rank == 0) take_folder();
    const bool goes_on = hear_order();
    if (options_.rank != 0) take_folder();
    if (records_) records_->open();
    if (records_ && between_.stories)
      between_.stories->open(options_.out / samples_file, earlier_samples_);
    has_begun_ = true;
    return goes_on;
  }

  void take_folder() {
    const std::filesystem::path aside = folder_.begin(checkpoints_.run_id);
    if (!aside.empty())
      note(nn::concat("the results of an earlier run in ", options_.out.string(), " are now in ",
                      aside.string()));
    if (options_.rank != 0 || continues_) return;
    folder_.add_start(start_of(config_, first_ + 1));
    nn::write_file_atomically(options_.out / "config.toml", options_.config_file);
  }

  bool hear_order() { return hear_order(options_.stop && *options_.stop); }
  bool hear_order(bool wants_to_stop) {
    const bool calls_others = course_ && options_.rank == 0 && course_->calls_others(done_);
    return orders_.go_on(done_, done_ < config_.steps, wants_to_stop,
                         worker_.place() + " waited for rank 0's order", calls_others);
  }

  // Whether others join before the first step after a checkpoint. A history that is played again
  // may say so: which step it is was not known until now.
  bool others_come_first() {
    if (!course_ || continues_ || done_ == 0 || done_ == config_.steps) return false;
    hear_order(/*wants_to_stop=*/false);
    return orders_.calls_others();
  }

  void save() {
    state_.set(nn::concat("saving step ", done_));
    checkpoints_.save(done_, records_ ? records_->save(saved_, done_)
                                      : std::vector<nn::CheckpointFolder::File>());
  }

  const RankOptions& options_;
  const TrainingConfig& config_;
  RunFolder& folder_;
  nn::Team& team_;
  pipeline::StageWorker& worker_;
  BetweenSteps between_;
  Mailbox& mailbox_;
  State& state_;
  Course* course_;  // of an elastic run
  bool continues_;  // what an earlier epoch of it has begun
  nn::CheckpointFolder saved_;
  pipeline::Checkpoints checkpoints_;
  pipeline::StepOrders orders_;
  Traffic traffic_;
  std::optional<Records> records_;  // of the recorder
  std::string earlier_samples_;
  bool has_begun_ = false;    // the folder is taken over
  int first_ = 0, done_ = 0;  // steps done when these began, and now
};

}  // namespace

StepsTaken take_steps(const RankOptions& options, const std::string& text, RunFolder& folder,
                      pipeline::Stage& stage, pipeline::StageWorker& worker, BetweenSteps between,
                      Mailbox& mailbox, State& state, Course* course) {
  const StepsTaken taken =
      Steps(options, folder, stage, worker, between, mailbox, state, course).take(text);
  if (options.rank == pipeline::recorder_of(options.config) && worker.steps_skipped > 0 &&
      !taken.calls_others)
    std::cout << "skipped: " << worker.steps_skipped
              << " steps in which the loss or a gradient was not finite" << std::endl;
  return taken;
}

}  // namespace training
