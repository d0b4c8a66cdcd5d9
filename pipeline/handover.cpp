#include "pipeline/handover.h"

#include <algorithm>
#include <list>
#include <span>
#include <string>

#include "nn/base/error.h"
#include "nn/real.h"
#include "pipeline/shares.h"

namespace pipeline {

namespace {

constexpr std::size_t part_length = longest_part_of_handover;
constexpr int arrays_of_block = 1 + most_arrays;

Tag tag_of(int done, int block, int array, std::size_t part) {
  return {Tag::handover, done, 1 + block * arrays_of_block + array, static_cast<int>(part)};
}

// Calls visit(tag, numbers) for each part of a block's weights and moments.
template <class Visit>
void visit_parts(Stage& stage, const nn::Optimizer::State& state, int done, int block,
                 Visit visit) {
  std::vector<std::span<nn::real>> arrays{stage.weights_of(block)};
  for (const auto& [name, values] : state.arrays) arrays.push_back(values);
  for (std::size_t array = 0; array < arrays.size(); ++array)
    for (std::size_t first = 0; first < arrays[array].size(); first += part_length)
      visit(tag_of(done, block, static_cast<int>(array), first / part_length),
            arrays[array].subspan(first, std::min(part_length, arrays[array].size() - first)));
}

void give(const std::vector<int>& others, Mailbox& mailbox, Stage& stage, Gradients& gradients,
          int steps_skipped, int done) {
  std::vector<double> counts{static_cast<double>(steps_skipped)};
  for (int block : stage.all_blocks()) counts.push_back(gradients.optimizer_state(block).steps);
  for (int other : others) mailbox.send_numbers(other, {Tag::handover, done}, counts);
  Lease lease;
  for (int block : stage.all_blocks())
    visit_parts(stage, gradients.optimizer_state(block), done, block,
                [&](Tag tag, std::span<const nn::real> numbers) {
                  for (int other : others) mailbox.send(other, tag, numbers, lease);
                });
  mailbox.wait([&] { return lease.is_free(); },
               nn::concat("rank ", mailbox.rank(), " handed its state over"));
}

void take(int source, Mailbox& mailbox, Stage& stage, Gradients& gradients, int& steps_skipped,
          int done) {
  const std::string what =
      nn::concat("rank ", mailbox.rank(), " waited for the state of rank ", source);
  const std::vector<int> blocks = stage.all_blocks();
  const std::vector<double> counts =
      mailbox.receive_numbers(source, {Tag::handover, done}, 1 + blocks.size(), what);
  steps_skipped = static_cast<int>(counts[0]);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const nn::Optimizer::State state = gradients.optimizer_state(blocks[i]);
    state.steps = static_cast<int>(counts[1 + i]);
    visit_parts(stage, state, done, blocks[i], [&](Tag tag, std::span<nn::real> numbers) {
      const Message message = mailbox.receive(source, tag, what);
      std::ranges::copy(message.numbers(), numbers.begin());
    });
  }
}

}  // namespace

int source_of(const TrainingConfig& config, const std::vector<bool>& has_state, int stage) {
  const std::vector<int> group = config.topology.stage_group(stage);
  const auto has = [&](int rank) { return has_state[rank]; };
  const auto first = std::ranges::find_if(group, has);
  return first == group.end() || std::ranges::all_of(group, has) ? -1 : *first;
}

std::vector<int> handover_links(const TrainingConfig& config, const std::vector<bool>& has_state,
                                int rank) {
  const int stage = config.topology.stage(rank);
  const int source = source_of(config, has_state, stage);
  std::vector<int> links;
  for (int other : config.topology.stage_group(stage))
    if (source >= 0 && other != rank &&
        ((rank == source && !has_state[other]) || (other == source && !has_state[rank])))
      links.push_back(other);
  return links;
}

void hand_over(const TrainingConfig& config, const std::vector<bool>& has_state, Mailbox& mailbox,
               Stage& stage, Gradients& gradients, int& steps_skipped, int done) {
  const std::vector<int> others = handover_links(config, has_state, mailbox.rank());
  if (others.empty()) return;
  if (has_state[mailbox.rank()])
    return give(others, mailbox, stage, gradients, steps_skipped, done);
  take(others.front(), mailbox, stage, gradients, steps_skipped, done);
}

int block_of_handover(Tag tag) { return tag.item < 1 ? -1 : (tag.item - 1) / arrays_of_block; }

std::size_t size_of_part(std::size_t block_size, Tag tag) {
  const std::size_t first = tag.part < 0 ? block_size : tag.part * part_length;
  return first >= block_size ? 0 : std::min(part_length, block_size - first);
}

}  // namespace pipeline
