#include "pipeline/tied_gradients.h"

#include <algorithm>
#include <functional>

namespace pipeline {

namespace {

constexpr std::size_t part_values = 1 << 18;

}  // namespace

int tied_rank(const TrainingConfig& config, int rank) {
  const Topology& t = config.topology;
  const int last = t.stages - 1, stage = t.stage(rank);
  if (last == 0 || (stage != 0 && stage != last) || !nn::tied_tensor(config.model)) return -1;
  return t.rank(t.pipeline(rank), last - stage);
}

std::size_t tied_part_size(const nn::LanguageModelConfig& model, int part) {
  const std::optional<nn::TensorInfo> tensor = nn::tied_tensor(model);
  const std::size_t size = tensor ? tensor->shape.size() : 0, first = part * part_values;
  return part < 0 || first >= size ? 0 : std::min(part_values, size - first);
}

TiedGradients::TiedGradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox)
    : stage_(stage), mailbox_(mailbox), other_(tied_rank(config, mailbox.rank())) {
  if (!nn::tied_tensor(config.model)) return;
  const int own = config.topology.stage(mailbox.rank());
  if (own == 0) blocks_[0] = 0;
  if (own == config.topology.stages - 1) blocks_[1] = stage.model().head_block();
}

std::vector<int> TiedGradients::blocks() const {
  std::vector<int> blocks(blocks_.begin(), blocks_.end());
  std::erase(blocks, -1);
  return blocks;
}

std::span<nn::real> TiedGradients::gradient(int block) const {
  const auto [offset, size] = *stage_.model().tied_range(block);
  return stage_.model().parameters().gradients().subspan(offset, size);
}

void TiedGradients::start(int block, int step) {
  step_ = step;
  ++started_;
  if (other_ < 0) return;
  std::span<nn::real> rest = gradient(block);
  for (int part = 0; !rest.empty(); ++part) {
    const std::size_t size = tied_part_size(stage_.model().config(), part);
    mailbox_.send(other_, {Tag::tied, step, part}, rest.first(size), lease_);
    rest = rest.subspan(size);
  }
}

bool TiedGradients::advance() {
  const std::vector<int> here = blocks();
  if (started_ < static_cast<int>(here.size())) return false;
  const std::span<nn::real> own = gradient(here[0]);
  if (other_ < 0) {
    const std::span<nn::real> head = gradient(here[1]);
    std::ranges::transform(own, head, own.begin(), std::plus<>());
    std::ranges::copy(own, head.begin());
  } else {
    if (!lease_.is_free()) return false;  // what was sent may not change before it is read
    for (std::size_t size; (size = tied_part_size(stage_.model().config(), parts_added_)) > 0;
         ++parts_added_) {
      const auto message = mailbox_.try_receive(other_, {Tag::tied, step_, parts_added_});
      if (!message) return false;
      const auto part = own.subspan(parts_added_ * part_values, size);
      nn::require(message->numbers().size() == size, "tied gradients: got ",
                  message->numbers().size(), " values for a part of ", size);
      std::ranges::transform(part, message->numbers(), part.begin(), std::plus<>());
    }
  }
  started_ = parts_added_ = 0;
  return true;
}

}  // namespace pipeline
