#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fl/workers/gradient_source.h"
#include "pipeline/training_config.h"
#include "tools/ranks/stage_rank.h"

namespace ranks {

// The gradients of a client whose model is cut over the ranks of a pipeline, as its lead asks for
// them. They have the bits that it would compute alone, which is what it does while ranks are lost.
class ClientPipeline : public fl::GradientSource {
 public:
  // Waits until all ranks are there again, or until it is told to stop: null. Called in a thread of
  // its own.
  using MeetAgain = std::function<std::unique_ptr<StageRank>(const std::atomic<bool>& stop)>;
  // `rank` is the lead's. `say` is told of ranks that are lost or come back.
  ClientPipeline(std::unique_ptr<StageRank> rank, const pipeline::TrainingConfig& config,
                 MeetAgain meet_again, std::function<void(const std::string& what)> say);
  ~ClientPipeline() override;  // lets the other ranks end

  std::optional<double> compute(std::span<const nn::real> weights,
                                std::span<const data::BatchPart> parts,
                                std::span<nn::real> gradients) override;

 private:
  void take_back();
  void send(std::span<const nn::real> weights, std::span<const data::BatchPart> parts);
  double collect(std::span<nn::real> gradients);

  struct Block {
    int rank, number;
    std::size_t size;
  };
  pipeline::TrainingConfig config_;
  int lead_;
  std::unique_ptr<StageRank> rank_;  // null while ranks are lost
  MeetAgain meet_again_;
  std::function<void(const std::string&)> say_;
  std::atomic<bool> is_over_ = false;
  std::future<std::unique_ptr<StageRank>> return_;  // of those that are lost
  std::vector<Block> blocks_;  // whose weights follow each other in those of the client
  int batch_ = 0;
  std::vector<double> shares_;  // of the batch's parts
};

}  // namespace ranks
