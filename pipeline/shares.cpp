#include "pipeline/shares.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "nn/base/error.h"
#include "nn/models/language_model.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/topology.h"

namespace pipeline {

namespace {

Tag tag_of_request(int step, int block) { return {Tag::checkpoint, step, block, 1}; }
Tag tag_of_array(int step, int block, std::size_t array) {
  return {Tag::checkpoint, step, block, 2 + static_cast<int>(array)};
}

}  // namespace

bool is_shared_out(const TrainingConfig& config, int block) {
  if (!config.shares_moments || config.topology.pipelines == 1) return false;
  const bool is_layer = block != 0 && block != config.model.layers + 1;
  return is_layer || !nn::tied_tensor(config.model);
}

Segment share_of(const TrainingConfig& config, int rank, int block) {
  const Topology& t = config.topology;
  const std::size_t size = size_of_block(config, t.stage(rank), block);
  if (!is_shared_out(config, block)) return {0, size};
  return own_segment(size, t.pipelines, t.pipeline(rank));
}

WholeState whole_state(const TrainingConfig& config, Gradients& gradients, int stage, int block) {
  WholeState whole{{}, gradients.optimizer_state(block)};
  if (!is_shared_out(config, block)) return whole;
  const std::size_t size = size_of_block(config, stage, block);
  const std::size_t first = gradients.share_of(block).first;
  for (auto& [name, values] : whole.state.arrays) {
    std::vector<nn::real>& copy = whole.copies.emplace_back(size);
    std::ranges::copy(values, copy.begin() + static_cast<std::ptrdiff_t>(first));
    values = copy;
  }
  return whole;
}

void keep_share(const TrainingConfig& config, Gradients& gradients, int block, WholeState& whole) {
  if (!is_shared_out(config, block)) return;
  const auto [first, length] = gradients.share_of(block);
  const nn::Optimizer::State own = gradients.optimizer_state(block);
  for (std::size_t i = 0; i < own.arrays.size(); ++i)
    std::ranges::copy(whole.state.arrays[i].values.subspan(first, length),
                      own.arrays[i].values.begin());
}

void collect_shares(const TrainingConfig& config, Mailbox& mailbox, int step, int block,
                    WholeState& whole) {
  if (!is_shared_out(config, block)) return;
  const Topology& t = config.topology;
  const int stage = t.stage(mailbox.rank());
  for (int pipeline = 1; pipeline < t.pipelines; ++pipeline)
    mailbox.send_number(t.rank(pipeline, stage), tag_of_request(step, block), 0);
  for (int pipeline = 1; pipeline < t.pipelines; ++pipeline) {
    const int from = t.rank(pipeline, stage);
    const auto [first, length] = share_of(config, from, block);
    for (std::size_t i = 0; i < whole.state.arrays.size(); ++i) {
      const Message message =
          mailbox.receive(from, tag_of_array(step, block, i),
                          nn::concat("rank ", mailbox.rank(), " at the checkpoint of step ", step,
                                     " waited for the moments of rank ", from));
      nn::require(message.numbers().size() == length, "rank ", from, " sent ",
                  message.numbers().size(), " moments of ", length);
      std::ranges::copy(message.numbers(), whole.state.arrays[i].values.subspan(first).begin());
    }
  }
}

void hand_over_share(const TrainingConfig& config, Mailbox& mailbox, int step, int block,
                     Gradients& gradients) {
  if (!is_shared_out(config, block)) return;
  const int to = config.topology.rank(0, config.topology.stage(mailbox.rank()));
  const std::string what = nn::concat("rank ", mailbox.rank(), " at the checkpoint of step ", step,
                                      " waited for rank ", to, " to take its moments");
  mailbox.receive_number(to, tag_of_request(step, block), what);
  const nn::Optimizer::State state = gradients.optimizer_state(block);
  Lease lease;
  for (std::size_t i = 0; i < state.arrays.size(); ++i)
    mailbox.send(to, tag_of_array(step, block, i), state.arrays[i].values, lease);
  mailbox.wait([&lease] { return lease.is_free(); }, what);
}

}  // namespace pipeline
