#include <vector>

#include "fl/algorithms.h"
#include "fl/epoch.h"

namespace fl {

// E epochs over all samples, shuffled as DataLoader(shuffle=True) does: a seed drawn from the
// default generator starts another one, which draws the order.
std::span<const nn::real> shuffled_epochs(Worker& worker, const data::ImageSet& images,
                                          std::span<const int> samples,
                                          const LocalTraining& training, nn::Generator& generator) {
  std::vector<int> shuffled(samples.size());
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    start_pass(generator);
    nn::Generator order(static_cast<std::uint64_t>(generator.random_int64()));
    const std::vector<int> permutation = order.permutation(static_cast<int>(samples.size()));
    for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i] = samples[permutation[i]];
    train_pass(worker, images, shuffled, training, generator);
  }
  return worker.weights();
}

}  // namespace fl
