#include "pipeline/tied_gradients.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "nn/base/error.h"
#include "pipeline/collectives.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/topology.h"

namespace pipeline {

namespace {

constexpr std::size_t part_values = 1 << 18;

// Empty if there is no such part.
Segment part_of(std::size_t values, int part) {
  const std::size_t first = part < 0 ? values : std::min(part * part_values, values);
  return {first, std::min(part_values, values - first)};
}

std::span<nn::real> part_of(std::span<nn::real> values, int part) {
  const auto [first, length] = part_of(values.size(), part);
  return values.subspan(first, length);
}

}  // namespace

int tied_rank(const TrainingConfig& config, int rank) {
  const Topology& t = config.topology;
  const Placement placement = placement_of(config);
  const int first = placement.first_stage(), last = placement.last_stage(), stage = t.stage(rank);
  if (first == last || (stage != first && stage != last) || !nn::tied_tensor(config.model))
    return -1;
  return t.rank(t.pipeline(rank), first + last - stage);
}

std::size_t tied_part_size(const nn::LanguageModelConfig& model, int part) {
  const std::optional<nn::TensorInfo> tensor = nn::tied_tensor(model);
  return tensor ? part_of(tensor->shape.size(), part).length : 0;
}

TiedGradients::TiedGradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox)
    : mailbox_(mailbox), other_(tied_rank(config, mailbox.rank())) {
  if (!nn::tied_tensor(config.model)) return;
  const Placement placement = placement_of(config);
  const int own = config.topology.stage(mailbox.rank());
  nn::LanguageModel& model = stage.model();
  if (own == placement.first_stage()) blocks_.push_back(0);
  if (own == placement.last_stage()) blocks_.push_back(model.head_block());
  for (int block : blocks_) {
    const auto [offset, size] = *model.tied_range(block);
    gradients_.push_back(model.parameters().gradients().subspan(offset, size));
  }
}

void TiedGradients::start(int step) {
  step_ = step;
  ++started_;
  if (other_ < 0) return;
  std::span<nn::real> values;
  for (int part = 0; !(values = part_of(gradients_[0], part)).empty(); ++part)
    mailbox_.send(other_, {Tag::tied, step, part}, values, lease_);
}

bool TiedGradients::advance() {
  if (blocks_.empty() || started_ < blocks_.size()) return false;
  const std::span<nn::real> own = gradients_[0];
  if (other_ < 0) {
    std::ranges::transform(own, gradients_[1], own.begin(), std::plus<>());
    std::ranges::copy(own, gradients_[1].begin());
  } else {
    if (!lease_.is_free()) return false;  // must not change before it is read
    std::span<nn::real> part;
    for (; !(part = part_of(own, parts_added_)).empty(); ++parts_added_) {
      const auto message = mailbox_.try_receive(other_, {Tag::tied, step_, parts_added_});
      if (!message) return false;
      nn::require(message->numbers().size() == part.size(), "tied gradients: got ",
                  message->numbers().size(), " values for a part of ", part.size());
      std::ranges::transform(part, message->numbers(), part.begin(), std::plus<>());
    }
  }
  started_ = 0;
  parts_added_ = 0;
  return true;
}

}  // namespace pipeline
