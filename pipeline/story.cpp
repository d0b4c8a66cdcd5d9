#include "pipeline/story.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "nn/base/error.h"
#include "nn/models/sample.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/frame.h"

namespace pipeline {

void require_valid_stories(const TrainingConfig& config) {
  const auto demand = [](bool holds, const char* what, const char* hint) {
    if (!holds) throw nn::InputError(what, hint);
  };
  demand(config.sample_every >= 0, "the number of steps between stories cannot be negative",
         "--sample-every 100");
  demand(config.sample_every == 0 || !config.splits_head,
         "--sample-every cannot draw from a divided head",
         "leave --split-head or --sample-every out");
}

bool is_story_after(const TrainingConfig& config, int done) {
  return config.sample_every > 0 && done > 0 &&
         (done % config.sample_every == 0 || done == config.steps);
}

int story_length(const TrainingConfig& config) { return std::min(config.length, 200); }

Tag story_tag(int step, int token, int part) { return {Tag::story, step, token, part}; }

std::size_t story_size(const TrainingConfig& config, int part) {
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
  tape_.set_recording(false);
}

std::vector<int> Storyteller::tell(int step, const std::string& place) {
  if (!tells_) return {};
  for (nn::KeyValueCache& cache : caches_) cache.clear();
  generator_ = nn::Generator(config_.seed + static_cast<std::uint64_t>(step));
  tokens_.clear();
  for (int token = 0; token < story_length(config_); ++token)
    for (int part = 0; part < placement_.parts(); ++part)
      if (placement_.stage(part) == own_stage_) forward(step, token, part, place);
  tokens_.erase(std::ranges::find(tokens_, end_of_text_), tokens_.end());
  return tokens_;
}

void Storyteller::forward(int step, int token, int part, const std::string& place) {
  const int parts = placement_.parts();
  const auto rank_of = [&](int of) { return config_.topology.rank(0, placement_.stage(of)); };
  const int before = rank_of((part + parts - 1) % parts);
  std::optional<Message> input;
  if (part > 0 || token > 0)
    input = mailbox_.receive(
        before, story_tag(step, token, part),
        nn::concat(place, " waited for token ", token, " of a story from rank ", before));
  tape_.reset();
  nn::Var x;
  if (part > 0) x = tape_.constant({input->numbers().data(), {1, config_.model.hidden_size}});
  for (const int block : stage_.blocks(placement_.chunk(part))) {
    if (block == 0) {
      const int id = input ? static_cast<int>(input->numbers()[0]) : end_of_text_;
      x = stage_.model().embed(tape_, {&id, 1}, 1, token);
    } else if (block == stage_.model().head_block()) {
      x = stage_.model().head(x);
    } else {
      x = stage_.model().layer(block, x, caches_[block - 1]);
    }
  }
  const std::span<const nn::real> y = x.value().span();
  if (part < parts - 1) {
    mailbox_.send_copy(rank_of(part + 1), story_tag(step, token, part + 1), y);
  } else {
    constexpr nn::Sampling sampling{.temperature = 0.8, .top_p = 0.9};
    tokens_.push_back(nn::sample(y, sampling, generator_));
    const auto id = static_cast<nn::real>(tokens_.back());
    if (token + 1 < story_length(config_))
      mailbox_.send_copy(rank_of(0), story_tag(step, token + 1, 0), {&id, 1});
  }
  mailbox_.progress(place + " was writing a story");
}

}  // namespace pipeline
