#include <algorithm>

#include "fl/algorithms.h"
#include "fl/epoch.h"
#include "nn/optimizer.h"

namespace fl {

void train_pass(Worker& worker, const data::ImageSet& images, std::span<const int> samples,
                const LocalTraining& training, nn::Generator& generator) {
  const std::size_t batch = training.batch == 0 ? samples.size() : training.batch;
  for (; !samples.empty(); samples = samples.subspan(std::min(batch, samples.size()))) {
    worker.compute_gradient(images, samples.first(std::min(batch, samples.size())), generator);
    nn::sgd_step(worker.weights(), worker.gradients(), training.learning_rate);
  }
}

// ClientUpdate: E epochs of batches of B, in stored order as the notebook has it.
std::span<const nn::real> local_epochs(Worker& worker, const data::ImageSet& images,
                                       std::span<const int> samples, const LocalTraining& training,
                                       nn::Generator& generator) {
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    start_pass(generator);
    train_pass(worker, images, samples, training, generator);
  }
  return worker.weights();
}

// w <- sum over k of n_k / n w_k
void replace_weights(std::span<nn::real> weights, std::span<const nn::real> mean_weights,
                     const LocalTraining&) {
  std::ranges::copy(mean_weights, weights.begin());
}

}  // namespace fl
