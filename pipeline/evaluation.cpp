#include "pipeline/evaluation.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>

#include "nn/base/error.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/collectives.h"
#include "pipeline/mailbox/frame.h"

namespace pipeline {

void require_valid_evaluation(const TrainingConfig& config) {
  const auto demand = [](bool holds, const char* what, const char* hint) {
    if (!holds) throw nn::InputError(what, hint);
  };
  demand(config.held_out >= 0 && config.held_out < 1,
         "the share of the text that is held out must be from 0 to below 1", "--held-out 0.1");
  demand(config.evaluate_every >= 0, "the number of steps between evaluations cannot be negative",
         "--eval-every 100");
  demand(config.evaluation_batches > 0, "an evaluation needs at least one batch",
         "--eval-batches 20");
  demand(config.evaluate_every == 0 || config.held_out > 0,
         "--eval-every needs text that is held out from training", "--held-out 0.1");
  demand(config.evaluate_every == 0 || !config.splits_head,
         "--eval-every cannot evaluate a divided head", "leave --split-head or --eval-every out");
}

bool is_evaluated_after(const TrainingConfig& config, int done) {
  return config.evaluate_every > 0 && done > 0 &&
         (done % config.evaluate_every == 0 || done == config.steps);
}

int most_windows(const TrainingConfig& config) {
  return static_cast<int>(std::min<std::int64_t>(
      std::int64_t{config.evaluation_batches} * config.batch, std::numeric_limits<int>::max()));
}

Tag held_out_tag(int step, int window, int part) { return {Tag::held_out, step, window, part}; }

int pipeline_of_window(const TrainingConfig& config, int window) {
  return window % config.topology.pipelines;
}

Evaluation::Evaluation(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                       const data::Windows& held_out)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      held_out_(held_out),
      placement_(placement_of(config)),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      windows_(static_cast<int>(std::min<std::int64_t>(held_out.count(), most_windows(config)))),
      ids_(config.length),
      targets_(config.length, -1) {}  // a window's last token has no successor

double Evaluation::loss(int step, const std::string& place) {
  double sum = 0;
  for (int batch = 0; batch < (windows_ + config_.batch - 1) / config_.batch; ++batch)
    sum += sum_of_batch(step, batch, place);
  return sum / windows_;
}

double Evaluation::sum_of_batch(int step, int batch, const std::string& place) {
  const int first = batch * config_.batch, end = std::min(first + config_.batch, windows_);
  std::vector<double> losses(end - first);
  for (int part = 0; part < placement_.parts(); ++part)
    for (int window = first; window < end; ++window)
      if (placement_.stage(part) == own_stage_ &&
          pipeline_of_window(config_, window) == own_pipeline_)
        losses[window - first] += forward(step, window, part, place);
  return sum_over_ranks(mailbox_, losses, {Tag::validation, step, batch},
                        place + " waited for the validation loss");
}

double Evaluation::forward(int step, int window, int part, const std::string& place) {
  const auto rank_of = [&](int of) {
    return config_.topology.rank(own_pipeline_, placement_.stage(of));
  };
  std::optional<Message> input;
  if (part > 0)
    input = mailbox_.receive(rank_of(part - 1), held_out_tag(step, window, part),
                             nn::concat(place, " waited for held-out window ", window,
                                        " from rank ", rank_of(part - 1)));
  held_out_.copy(window, ids_);
  std::ranges::copy(std::span(ids_).subspan(1), targets_.begin());
  const nn::ConstView y = stage_.evaluate(placement_.chunk(part), {ids_, targets_},
                                          input ? input->numbers() : std::span<const nn::real>());
  if (part == placement_.parts() - 1) return y.data[0];
  mailbox_.send_copy(rank_of(part + 1), held_out_tag(step, window, part + 1), y.span());
  mailbox_.progress(place + " was at the forward of held-out windows");
  return 0;
}

}  // namespace pipeline
