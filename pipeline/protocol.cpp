#include "pipeline/protocol.h"

#include <algorithm>
#include <vector>

#include "nn/models/language_model.h"
#include "nn/real.h"
#include "pipeline/activation_wire.h"
#include "pipeline/clock.h"
#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/handover.h"
#include "pipeline/links.h"
#include "pipeline/outer_steps/outer_steps.h"
#include "pipeline/outer_steps/sync_times.h"
#include "pipeline/outer_steps/wire_formats.h"
#include "pipeline/prediction/measured_link.h"
#include "pipeline/shares.h"
#include "pipeline/split_head/gathered_head.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/story.h"
#include "pipeline/tied_gradients.h"
#include "pipeline/topology.h"

namespace pipeline {

namespace {

constexpr std::size_t size_of_number = sizeof(double);
constexpr std::size_t longest_text = 1 << 14, longest_name = 64;
constexpr std::size_t longest_costs = 128, longest_costs_of_block = 64;

bool is_below(int value, int end) { return 0 <= value && value < end; }

}  // namespace

Protocol::Protocol(const TrainingConfig& config, int rank, bool is_cut_known)
    : config_(config),
      placement_(placement_of(config)),
      rank_(rank),
      stage_(config.topology.stage(rank)),
      pipeline_(config.topology.pipeline(rank)),
      microbatches_(microbatches_of(config, pipeline_).count),
      lead_(config.trains_alone() ? 2 : 1) {
  std::vector<std::vector<int>> chunks{nn::all_blocks(config.model)};
  if (is_cut_known) chunks = blocks_of(config, stage_);
  if (config.splits_head) chunks.push_back({rows_block_of(config)});
  for (const std::vector<int>& chunk : chunks)
    for (int block : chunk)
      blocks_[block] = {size_of_block(config, stage_, block), is_shared_out(config, block)};
}

bool Protocol::operator()(int from, Tag tag, std::size_t bytes, int step) const {
  const Topology& t = config_.topology;
  // Neighbours and replicas are at most one step ahead.
  const bool is_soon = (tag.step == step || tag.step == step + 1) && tag.step < config_.steps;
  const bool is_plain = tag == Tag{tag.kind, tag.step};
  const bool is_single = is_plain && tag.step == 0;
  const bool is_recorder = rank_ == t.rank(0, placement_.last_stage());
  const bool is_of_rank_0 = rank_ == 0 || from == 0;  // from it, or to it
  switch (tag.kind) {
    case Tag::activation:
      return is_soon && (is_crossing(from, tag, bytes, -1) || is_for_head(from, tag, bytes));
    case Tag::gradient:
      return is_soon && is_crossing(from, tag, bytes, 1);
    case Tag::scores:
    case Tag::factors:
      return is_soon && is_for_head(from, tag, bytes);
    case Tag::reduce:
      return is_soon && is_reduction(from, tag, bytes);
    case Tag::tied:
      return is_soon && tag == Tag{Tag::tied, tag.step, tag.item} &&
             from == tied_rank(config_, rank_) && bytes > 0 &&
             bytes == sizeof(nn::real) * tied_part_size(config_.model, tag.item);
    case Tag::loss:
      return is_soon && is_plain && bytes == size_of_number && is_recorder &&
             t.stage(from) == placement_.last_stage();
    case Tag::held_out:
      return is_soon && is_of_evaluation(from, tag, bytes);
    case Tag::validation:
      return is_soon && tag == Tag{Tag::validation, tag.step, tag.item} && is_of_rank_0 &&
             is_evaluated_after(config_, tag.step + 1) &&
             is_below(tag.item, config_.evaluation_batches) && bytes > 0 &&
             bytes % size_of_number == 0 &&
             (rank_ == 0 ? bytes <= size_of_number * config_.batch : bytes == size_of_number);
    case Tag::story:
      return is_soon && is_of_story(from, tag, bytes);
    case Tag::verdict:
      return is_soon && is_plain && is_verdict(from, bytes);
    case Tag::outer:
      return is_outer(from, tag, bytes, step);
    case Tag::order:
      return from == 0 && (tag == run_name_tag ? bytes <= longest_name
                                               : is_plain && bytes == size_of_number &&
                                                     tag.step >= step && tag.step - step <= lead_);
    case Tag::stop_request:
      return is_single && bytes == size_of_number && rank_ == 0;
    case Tag::handover:
      return is_handover(from, tag, bytes);
    case Tag::checkpoint:
      return is_checkpoint(from, tag, bytes, step);
    case Tag::save:
      if (tag == tag_of_gathered_weight) return is_gathered(from, bytes);
      return tag == Tag{Tag::save, 0, tag.item, tag.part} &&
             is_below(tag.item, most_parts(config_) + 1) && is_below(tag.part, 2) &&
             (from == 0 ? bytes <= longest_name
                        : rank_ == 0 && t.pipeline(from) == 0 && bytes <= largest_message(config_));
    case Tag::clock:
      if (tag.step == 1)  // of measured_links(), between rank 0 and the next stage or pipeline
        return is_of_rank_0 && (from + rank_ == 1 || from + rank_ == t.stages) &&
               tag == Tag{Tag::clock, 1, tag.item, tag.part} &&
               is_below(tag.item, link_questions) && is_below(tag.part, 2) &&
               bytes == (tag.part == 0 ? 0 : link_bytes);
      return tag == Tag{Tag::clock, 0, tag.item} && is_below(tag.item, clock_questions) &&
             is_of_rank_0 && bytes == (rank_ == 0 ? 0 : size_of_number);
    case Tag::peak:
      return tag == Tag{Tag::peak, 0, tag.item} && is_below(tag.item, 2) && is_of_rank_0 &&
             bytes == size_of_number;
    case Tag::cut:
      return is_single && from == 0 && bytes <= config_.cut.size() * longest_layer_count;
    case Tag::report:
      return is_single && is_recorder &&
             bytes <= (1 + config_.chunks) * longest_costs +
                          (config_.model.layers + 3) * longest_costs_of_block;
    case Tag::hello:
    case Tag::failure:
      return is_single && bytes <= longest_text;
    case Tag::goodbye:
      return is_single && bytes == 0;
    case Tag::weights:
    case Tag::assignment:
    case Tag::update:  // of federations
    case Tag::beat:
      return false;
  }
  return false;
}

// See Gradients: squares of all blocks, and in elastic runs the losses, and their sums.
bool Protocol::is_verdict(int from, std::size_t bytes) const {
  const std::vector<int> judges = judges_of(config_, rank_);
  const bool decides = rank_ == judges.front();
  if (!config_.has_verdicts() ||
      !(decides ? std::ranges::count(judges, from) == 1 : from == judges.front()))
    return false;
  const std::size_t numbers =
      decides ? count_blocks(config_) + (config_.is_elastic ? config_.all_microbatches() : 0)
              : (config_.is_elastic ? 2 : 1);
  return bytes == size_of_number * numbers;
}

// A difference is about the rank's own segment of a block, a step about the sender's.
bool Protocol::is_outer(int from, Tag tag, std::size_t bytes, int step) const {
  const Topology& t = config_.topology;
  const auto block = blocks_.find(tag.item);
  if (!config_.trains_alone() || t.stage(from) != stage_ || from == rank_ || block == blocks_.end())
    return false;
  if (tag.step < step || tag.step >= config_.steps ||
      tag.step - step > lead_ + exchange_delay(config_, step) ||
      !exchange_ends_after(config_, tag.step + 1, tag.item))
    return false;
  for (const OuterPart part : {OuterPart::difference, OuterPart::step}) {
    const int owner = part == OuterPart::difference ? pipeline_ : t.pipeline(from);
    const Segment segment = ring_segment(block->second.size, t.pipelines, owner);
    if (tag == outer_tag(tag.step, tag.item, part))
      return bytes == wire_format_named(config_.sync.wire).size(segment.length);
  }
  return false;
}

// A state for a rank that has come, from another one of its stage group.
bool Protocol::is_handover(int from, Tag tag, std::size_t bytes) const {
  if (!config_.is_elastic || config_.topology.stage(from) != stage_ || tag.step < 0 ||
      tag.step > config_.steps)
    return false;
  if (tag.item == counts_of_handover.item)
    return tag.part == 0 && bytes == size_of_number * (1 + blocks_.size());
  const auto block = blocks_.find(block_of_handover(tag));
  return block != blocks_.end() && bytes > 0 &&
         bytes == sizeof(nn::real) * size_of_part(block->second.size, tag);
}

// The tag names the receiving part of the model. The sender has the part before it for an
// activation, the one after it for a gradient.
bool Protocol::is_crossing(int from, Tag tag, std::size_t bytes, int offset) const {
  return is_below(tag.part, placement_.parts()) &&
         is_below(tag.part + offset, placement_.parts()) && placement_.stage(tag.part) == stage_ &&
         from == config_.topology.rank(pipeline_, placement_.stage(tag.part + offset)) &&
         is_below(tag.item, microbatches_) && bytes == activation_bytes(config_);
}

// Between steps, whether the sender is the one for this part of the model, or of a split head,
// and this rank has it. Part 0 gets the tokens of a story from the last part.
bool Protocol::is_along(int from, int part) const {
  const int parts = placement_.parts(), stages = config_.topology.stages;
  const auto joins = [&](int sender, int receiver) {
    return receiver == stage_ && from == config_.topology.rank(pipeline_, sender);
  };
  if (is_below(part, parts))
    return joins(placement_.stage((part + parts - 1) % parts), placement_.stage(part));
  if (!config_.splits_head) return false;
  const int input = part - input_part(config_, 0), scores = part - scores_part(config_, 0);
  if (is_below(input, stages)) return joins(placement_.last_stage(), input);
  return is_below(scores, stages) && joins(scores, placement_.last_stage());
}

bool Protocol::is_of_evaluation(int from, Tag tag, std::size_t bytes) const {
  return is_evaluated_after(config_, tag.step + 1) && tag.part > 0 && is_along(from, tag.part) &&
         is_below(tag.item, most_windows(config_)) &&
         pipeline_of_window(config_, tag.item) == pipeline_ &&
         bytes == sizeof(nn::real) * held_out_size(config_, tag.part);
}

bool Protocol::is_of_story(int from, Tag tag, std::size_t bytes) const {
  return is_story_after(config_, tag.step + 1) && pipeline_ == 0 && is_along(from, tag.part) &&
         is_below(tag.item, story_length(config_)) && (tag.part > 0 || tag.item > 0) &&
         bytes == sizeof(nn::real) * story_size(config_, tag.part);
}

// Between a share of a split head and the last stage of its pipeline.
bool Protocol::is_for_head(int from, Tag tag, std::size_t bytes) const {
  const Topology& t = config_.topology;
  if (!config_.splits_head || t.pipeline(from) != pipeline_ || !is_below(tag.item, microbatches_))
    return false;
  const bool is_last = stage_ == placement_.last_stage();
  const bool is_from_last = t.stage(from) == placement_.last_stage();
  const Tag plain{tag.kind, tag.step, tag.item};
  switch (tag.kind) {
    case Tag::activation:
      return is_from_last && tag == head_input_tag(config_, stage_, tag.step, tag.item) &&
             bytes == sizeof(nn::real) * activation_size(config_);
    case Tag::scores:
      return is_last && tag == plain &&
             bytes == sizeof(nn::real) * scores_size(config_, t.stage(from));
    default:
      return is_from_last && tag == plain &&
             bytes == sizeof(nn::real) * factors_size(config_, stage_);
  }
}

bool Protocol::is_reduction(int from, Tag tag, std::size_t bytes) const {
  const int pipelines = config_.topology.pipelines;
  const auto block = blocks_.find(tag.item);
  if (from != config_.topology.rank((pipeline_ + pipelines - 1) % pipelines, stage_) ||
      block == blocks_.end() || !is_below(tag.part, ring_turns(pipelines)))
    return false;
  const Segment segment = ring_segment(block->second.size, pipelines, pipeline_ - tag.part - 1);
  const bool is_of_exact_sums = config_.has_exact_sums && tag.part < pipelines - 1;
  return bytes == (is_of_exact_sums ? sizeof(double) : sizeof(nn::real)) * segment.length;
}

// On resuming: the step, the number of skipped steps, and that all have received them. Later:
// files, and shares of moments.
bool Protocol::is_checkpoint(int from, Tag tag, std::size_t bytes, int step) const {
  const Tag first = tag_of_gathered_state(config_, step + 1);
  for (int array = 0; array <= most_arrays; ++array)
    if (tag == Tag{first.kind, first.step, first.item, first.part + array})
      return is_gathered(from, bytes);
  if (tag.part != 0) return tag.step == step + 1 && is_share(from, tag, bytes);
  if (tag.step == 0)
    return bytes == size_of_number &&
           (from == 0 ? is_below(tag.item, 3) : rank_ == 0 && tag.item == 2);
  return tag.step == step + 1 && tag.item == 0 && rank_ == 0 &&
         (config_.trains_alone() || config_.topology.pipeline(from) == 0) &&
         bytes <= (config_.model.layers + 4) * longest_file_line;
}

// Rows of a split head, with which the recorder fills a file.
bool Protocol::is_gathered(int from, std::size_t bytes) const {
  const Topology& t = config_.topology;
  return config_.splits_head && rank_ == recorder_of(config_) && t.pipeline(from) == 0 &&
         bytes == sizeof(nn::real) * size_of_block(config_, t.stage(from), rows_block_of(config_));
}

// A rank of the first pipeline asks the others of its stage group for their shares.
bool Protocol::is_share(int from, Tag tag, std::size_t bytes) const {
  const Topology& t = config_.topology;
  const auto block = blocks_.find(tag.item);
  if (block == blocks_.end() || !block->second.is_shared_out || t.stage(from) != stage_)
    return false;
  if (pipeline_ != 0) return t.pipeline(from) == 0 && tag.part == 1 && bytes == size_of_number;
  const Segment share = own_segment(block->second.size, t.pipelines, t.pipeline(from));
  return tag.part >= 2 && is_below(tag.part, 2 + most_arrays) &&
         bytes == sizeof(nn::real) * share.length;
}

}  // namespace pipeline
