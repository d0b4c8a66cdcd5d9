#include "fl/epoch.h"

#include <algorithm>

#include "nn/optimizer.h"

namespace fl {

void start_pass(nn::Generator& generator) { generator.random_int64(); }

int train_pass(ClientContext& client, std::span<const int> samples, const BeforeStep& before_step) {
  const LocalTraining& training = client.training;
  const std::size_t batch = training.batch == 0 ? samples.size() : training.batch;
  int steps = 0;
  for (; !samples.empty(); samples = samples.subspan(std::min(batch, samples.size()))) {
    client.compute_gradient(samples.first(std::min(batch, samples.size())));
    if (before_step) before_step();
    nn::sgd_step(client.worker.weights(), client.worker.gradients(), training.learning_rate);
    ++steps;
  }
  return steps;
}

int train_epochs(ClientContext& client, const BeforeStep& before_step) {
  int steps = 0;
  for (int epoch = 0; epoch < client.training.epochs; ++epoch) {
    start_pass(client.generator);
    steps += train_pass(client, client.samples, before_step);
  }
  return steps;
}

}  // namespace fl
