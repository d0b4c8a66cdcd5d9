#include "pipeline/prediction/paced_stage.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>

#include "pipeline/split_head/head_layout.h"
#include "pipeline/split_head/head_share.h"
#include "pipeline/trace.h"

namespace pipeline {

namespace {

// S and T sleep, too. The sum takes no time of its own: B's includes it.
class PacedHeadShare : public HeadShare {
 public:
  PacedHeadShare(nn::LanguageModel& model, nn::Team& team, const Costs& costs,
                 const std::function<void(double seconds)>& sleep)
      : HeadShare(model, team), costs_(costs), sleep_(sleep) {}

  std::span<const nn::real> scores(int microbatch, std::span<const nn::real>,
                                   std::span<const int> targets, nn::real) override {
    sleep_(costs_.scores);
    return start_flight(microbatch, static_cast<nn::index>(targets.size())).scores;
  }
  HeadSum sum(std::span<const std::span<const nn::real>>, std::span<const int> targets,
              nn::real) override {
    const std::size_t blocks = most_head_shares(model_.config().vocab_size);
    return {0, {}, std::vector<nn::real>(blocks * targets.size())};
  }
  void weights(int microbatch, std::span<const nn::real>) override {
    sleep_(costs_.head);
    flight(microbatch).is_free = true;
  }

 private:
  const Costs costs_;
  const std::function<void(double seconds)>& sleep_;
};

}  // namespace

void Sleep::operator()(double seconds) {
  const double start = wall_time(), left = seconds - late_;
  if (left > 0) std::this_thread::sleep_for(std::chrono::duration<double>(left));
  late_ = wall_time() - start - left;
}

PacedStage::PacedStage(const TrainingConfig& config, int stage, std::vector<ChunkWork> work,
                       std::function<void(double seconds)> sleep)
    : Stage(config.model, blocks_of(config, stage), config.length, config.seed, 1, false,
            rows_of(config, stage)),
      work_(std::move(work)),
      sleep_(std::move(sleep)),
      shape_{static_cast<nn::index>(config.sequences()) * config.length, config.model.hidden_size},
      zeros_(shape_.size()) {
  if (config.splits_head)
    head_share_ = std::make_unique<PacedHeadShare>(model(), team(), work_.front().costs, sleep_);
}

nn::ConstView PacedStage::forward(int chunk, int microbatch, const Batch&,
                                  std::span<const nn::real>) {
  start_flight(chunk, microbatch);
  sleep_(work_[chunk].costs.forward);
  return {zeros_.data(), has_loss(chunk) ? nn::Shape{1} : shape_};
}

nn::ConstView PacedStage::backward(int chunk, int, std::span<const nn::real>) {
  sleep_(work_[chunk].costs.backward);
  return {zeros_.data(), shape_};
}

void PacedStage::weights(int chunk, int microbatch,
                         const std::function<void(int block)>& block_is_done) {
  const ChunkWork& work = work_[chunk];
  if (work.blocks.empty()) sleep_(work.costs.weights);
  for (const BlockWork& block : work.blocks) {
    sleep_(work.costs.weights * block.share);
    on_gradients(block.number);
    block_is_done(block.number);
  }
  flight(chunk, microbatch).is_free = true;
}

void PacedStage::update(int block, nn::Optimizer&, std::span<nn::real>, std::span<const nn::real>) {
  for (const ChunkWork& chunk : work_) {
    for (const BlockWork& each : chunk.blocks)
      if (each.number == block) sleep_(each.update);
    if (chunk.rows && chunk.rows->number == block) sleep_(chunk.rows->update);
  }
}

}  // namespace pipeline
