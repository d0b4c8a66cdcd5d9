#include "fl/algorithms/epoch.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/optimizer.h"

namespace fl {

namespace {

std::vector<int> shuffled(std::span<const int> samples, nn::Generator& generator) {
  nn::Generator order(static_cast<std::uint64_t>(generator.random_int64()));
  std::vector<int> result;
  for (int i : order.permutation(static_cast<int>(samples.size()))) result.push_back(samples[i]);
  return result;
}

}  // namespace

void start_pass(nn::Generator& generator) { generator.random_int64(); }

int train_epochs(ClientContext& client, const BeforeStep& before_step) {
  const LocalTraining& training = client.training;
  const std::span<nn::real> weights = client.worker.weights(),
                            gradients = client.worker.gradients();
  const bool is_plain = training.momentum == 0 && training.weight_decay == 0;
  nn::Sgd sgd(training.learning_rate,
              {.momentum = training.momentum, .weight_decay = training.weight_decay});
  int steps = 0;
  for (int epoch = 0; training.steps ? steps < training.steps : epoch < training.epochs; ++epoch) {
    start_pass(client.generator);
    std::vector<int> order;
    std::span<const int> rest = client.samples;
    if (training.is_shuffled) rest = order = shuffled(rest, client.generator);
    const std::size_t batch = training.batch == 0 ? rest.size() : training.batch;
    while (!rest.empty() && (training.steps == 0 || steps < training.steps)) {
      const std::size_t size = std::min(batch, rest.size());
      client.compute_gradient(rest.first(size));
      if (before_step) before_step();
      if (is_plain)
        nn::sgd_step(weights, gradients, training.learning_rate);
      else
        sgd.step(weights, gradients);
      rest = rest.subspan(size);
      ++steps;
    }
  }
  return steps;
}

double times_counted(int steps, double momentum) {
  return (steps - momentum * (1 - std::pow(momentum, steps)) / (1 - momentum)) / (1 - momentum);
}

}  // namespace fl
