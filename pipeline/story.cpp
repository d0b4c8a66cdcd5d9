#include "pipeline/story.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "nn/base/error.h"
#include "nn/models/sample.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/split_head/head_layout.h"

namespace pipeline {

using nn::demand;

void require_valid_stories(const TrainingConfig& config) {
  demand(config.sample_every >= 0, "the number of steps between stories cannot be negative",
         "--sample-every 100");
}

bool is_story_after(const TrainingConfig& config, int done) {
  return config.sample_every > 0 && done > 0 &&
         (done % config.sample_every == 0 || done == config.steps);
}

int story_length(const TrainingConfig& config) { return std::min(config.length, 200); }

Tag story_tag(int step, int token, int part) { return {Tag::story, step, token, part}; }

std::size_t story_size(const TrainingConfig& config, int part) {
  const int first = scores_part(config, 0);
  if (part >= first) return rows_of(config, part - first)->count;
  return part == 0 ? 1 : static_cast<std::size_t>(config.model.hidden_size);
}

Storyteller::Storyteller(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                         int end_of_text)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      placement_(placement_of(config)),
      end_of_text_(end_of_text),
      own_stage_(config.topology.stage(mailbox.rank())),
      tells_(config.topology.pipeline(mailbox.rank()) == 0),
      caches_(config.model.layers,
              nn::KeyValueCache(config.model.key_value_heads * config.model.head_size(),
                                config.length)) {
  tape_.set_team(stage.team());
  tape_.set_precision(nn::precision_named(config.precision));
  tape_.set_recording(false);
}

std::vector<int> Storyteller::tell(int step, const std::string& place) {
  if (!tells_) return {};
  for (nn::KeyValueCache& cache : caches_) cache.clear();
  generator_ = nn::Generator(config_.seed + static_cast<std::uint64_t>(step));
  tokens_.clear();
  for (int token = 0; token < story_length(config_); ++token) {
    for (int part = 0; part < placement_.parts(); ++part)
      if (placement_.stage(part) == own_stage_) forward(step, token, part, place);
    if (!config_.splits_head) continue;
    score(step, token, place);
    if (own_stage_ == placement_.last_stage()) draw(step, token, join_scores(step, token, place));
  }
  tokens_.erase(std::ranges::find(tokens_, end_of_text_), tokens_.end());
  return tokens_;
}

void Storyteller::forward(int step, int token, int part, const std::string& place) {
  const int parts = placement_.parts();
  std::optional<Message> input;
  if (part > 0 || token > 0)
    input = receive(placement_.stage((part + parts - 1) % parts), step, token, part, place);
  tape_.reset();
  nn::Var x;
  if (part > 0) x = tape_.constant({input->numbers().data(), {1, config_.model.hidden_size}});
  for (const int block : stage_.blocks(placement_.chunk(part))) {
    if (block == 0) {
      const int id = input ? static_cast<int>(input->numbers()[0]) : end_of_text_;
      x = stage_.model().embed(tape_, {&id, 1}, 1, token);
    } else if (block == stage_.model().head_block()) {
      x = config_.splits_head ? stage_.model().norm(x) : stage_.model().head(x);
    } else {
      x = stage_.model().layer(block, x, caches_[block - 1]);
    }
  }
  const std::span<const nn::real> y = x.value().span();
  if (part < parts - 1)
    send(placement_.stage(part + 1), step, token, part + 1, y);
  else if (config_.splits_head)
    for (int stage = 0; stage < config_.topology.stages; ++stage)
      send(stage, step, token, input_part(config_, stage), y);
  else
    draw(step, token, y);
  mailbox_.progress(place + " was writing a story");
}

void Storyteller::score(int step, int token, const std::string& place) {
  const int last = placement_.last_stage();
  const Message input = receive(last, step, token, input_part(config_, own_stage_), place);
  tape_.reset();
  const nn::Var x = tape_.constant({input.numbers().data(), {1, config_.model.hidden_size}});
  const nn::Var y = nn::linear(x, tape_.parameter(stage_.model().head_rows()));
  send(last, step, token, scores_part(config_, own_stage_), y.value().span());
}

std::vector<nn::real> Storyteller::join_scores(int step, int token, const std::string& place) {
  std::vector<nn::real> scores;
  for (int stage = 0; stage < config_.topology.stages; ++stage) {
    const Message message = receive(stage, step, token, scores_part(config_, stage), place);
    scores.insert(scores.end(), message.numbers().begin(), message.numbers().end());
  }
  return scores;
}

// Chooses the next token, and sends it to the embedding.
void Storyteller::draw(int step, int token, std::span<const nn::real> scores) {
  constexpr nn::Sampling sampling{.temperature = 0.8, .top_p = 0.9};
  tokens_.push_back(nn::sample(scores, sampling, generator_));
  const auto id = static_cast<nn::real>(tokens_.back());
  if (token + 1 < story_length(config_)) send(placement_.stage(0), step, token + 1, 0, {&id, 1});
}

Message Storyteller::receive(int stage, int step, int token, int part, const std::string& place) {
  const int from = config_.topology.rank(0, stage);
  return mailbox_.receive(
      from, story_tag(step, token, part),
      nn::concat(place, " waited for token ", token, " of a story from rank ", from));
}

void Storyteller::send(int stage, int step, int token, int part,
                       std::span<const nn::real> numbers) {
  mailbox_.send_copy(config_.topology.rank(0, stage), story_tag(step, token, part), numbers);
}

}  // namespace pipeline
