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
#include "pipeline/split_head/head_layout.h"
#include "pipeline/split_head/head_share.h"

namespace pipeline {

using nn::demand;

void require_valid_evaluation(const TrainingConfig& config) {
  demand(config.held_out >= 0 && config.held_out < 1,
         "the share of the text that is held out must be from 0 to below 1", "--held-out 0.1");
  demand(config.evaluate_every >= 0, "the number of steps between evaluations cannot be negative",
         "--eval-every 100");
  demand(config.evaluation_batches > 0, "an evaluation needs at least one batch",
         "--eval-batches 20");
  demand(config.evaluate_every == 0 || config.held_out > 0,
         "--eval-every needs text that is held out from training", "--held-out 0.1");
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

std::size_t held_out_size(const TrainingConfig& config, int part) {
  const int first = scores_part(config, 0);
  if (part >= first) return loss_scores_size(config, part - first);
  return static_cast<std::size_t>(config.length) * config.model.hidden_size;
}

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
  const auto each_window = [&](const auto& work) {
    for (int window = first; window < end; ++window)
      if (pipeline_of_window(config_, window) == own_pipeline_) work(window);
  };
  for (int part = 0; part < placement_.parts(); ++part)
    if (placement_.stage(part) == own_stage_)
      each_window(
          [&](int window) { losses[window - first] += forward(step, window, part, place); });
  if (config_.splits_head) {
    each_window([&](int window) { score(step, window, place); });
    if (own_stage_ == placement_.last_stage())
      each_window(
          [&](int window) { losses[window - first] = loss_of_scores(step, window, place); });
  }
  return sum_over_ranks(mailbox_, losses, {Tag::validation, step, batch},
                        place + " waited for the validation loss");
}

double Evaluation::forward(int step, int window, int part, const std::string& place) {
  std::optional<Message> input;
  if (part > 0) input = receive(placement_.stage(part - 1), step, window, part, place);
  read(window);
  const nn::ConstView y = stage_.evaluate(placement_.chunk(part), {ids_, targets_},
                                          input ? input->numbers() : std::span<const nn::real>());
  if (part < placement_.parts() - 1) {
    mailbox_.send_copy(rank_of(placement_.stage(part + 1)), held_out_tag(step, window, part + 1),
                       y.span());
  } else if (config_.splits_head) {
    for (int stage = 0; stage < config_.topology.stages; ++stage)
      mailbox_.send_copy(rank_of(stage), held_out_tag(step, window, input_part(config_, stage)),
                         y.span());
  } else {
    return y.data[0];
  }
  mailbox_.progress(place + " was at the forward of held-out windows");
  return 0;
}

void Evaluation::score(int step, int window, const std::string& place) {
  const int last = placement_.last_stage();
  const Message input = receive(last, step, window, input_part(config_, own_stage_), place);
  read(window);
  mailbox_.send_copy(rank_of(last), held_out_tag(step, window, scores_part(config_, own_stage_)),
                     stage_.head_share().scores_for_loss(input.numbers(), targets_));
  mailbox_.progress(place + " was at the scores of held-out windows");
}

double Evaluation::loss_of_scores(int step, int window, const std::string& place) {
  std::vector<Message> messages;
  std::vector<std::span<const nn::real>> scores;
  for (int stage = 0; stage < config_.topology.stages; ++stage) {
    messages.push_back(receive(stage, step, window, scores_part(config_, stage), place));
    scores.push_back(messages.back().numbers());
  }
  read(window);
  return loss_of_shares(config_.model.vocab_size, scores, targets_, stage_.team());
}

Message Evaluation::receive(int stage, int step, int window, int part, const std::string& place) {
  const int from = rank_of(stage);
  return mailbox_.receive(
      from, held_out_tag(step, window, part),
      nn::concat(place, " waited for held-out window ", window, " from rank ", from));
}

void Evaluation::read(int window) {
  held_out_.copy(window, ids_);
  std::ranges::copy(std::span(ids_).subspan(1), targets_.begin());
}

}  // namespace pipeline
