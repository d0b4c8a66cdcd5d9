#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "nn/files/checkpoint.h"
#include "nn/models/hugging_face.h"

// Hugging Face's results for its own checkpoints; see the scripts in tests/golden.
namespace tests {

// The largest difference, relative to the largest number; infinite if any is not a number.
inline double difference(std::span<const nn::real> ours, std::span<const nn::real> theirs) {
  REQUIRE(ours.size() == theirs.size());
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double error = std::abs(static_cast<double>(ours[i]) - theirs[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    largest = std::max(largest, std::abs(static_cast<double>(theirs[i])));
  }
  return worst / largest;
}

// Compares logits, loss and every gradient of the model in `folder` with those in
// folder.safetensors, which has the sum of both gradients for a weight that two blocks share.
inline void check_reference(const std::string& folder, const nn::LanguageModelConfig& config,
                            double tolerance) {
  CAPTURE(folder);
  nn::ModelCheckpoint checkpoint(folder);
  CHECK(checkpoint.config() == config);
  nn::LanguageModel model(checkpoint.config());
  checkpoint.load(model);

  const nn::Checkpoint golden = nn::read_safetensors(folder + ".safetensors");
  const nn::Tensor& stored = golden.tensors.at("ids");
  const std::vector<int> ids(stored.span().begin(), stored.span().end());
  const nn::index length = stored.shape()[1];
  REQUIRE(stored.shape() == nn::Shape{2, 12});
  std::vector<int> targets(ids.begin() + 1, ids.end());
  targets.push_back(-1);
  targets[length - 1] = -1;

  nn::Tape tape;
  const nn::Var logits = model.logits(tape, ids, length);
  const nn::Var loss = nn::cross_entropy(logits, targets);
  tape.backward(loss);
  CHECK(difference(logits.value().span(), golden.tensors.at("logits").span()) < tolerance);
  CHECK(difference(loss.value().span(), golden.tensors.at("loss").span()) < tolerance);
  const std::optional<nn::TensorInfo> tied = nn::tied_tensor(config);
  nn::Parameters& parameters = model.parameters();
  std::size_t compared = 0;
  for (const auto& [name, shape, offset] : parameters.infos()) {
    if (tied && name == tied->name) continue;
    CAPTURE(name);
    const auto ours = parameters.gradients().subspan(offset, shape.size());
    std::vector<nn::real> sum(ours.begin(), ours.end());
    if (tied && name == tied->tied_to) {
      const auto head = parameters.gradients().subspan(parameters.find(tied->name)->offset);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += head[i];
    }
    CHECK(difference(sum, golden.tensors.at("gradient." + name).span()) < tolerance);
    ++compared;
  }
  CHECK(golden.tensors.size() == compared + 3);
}

}  // namespace tests
