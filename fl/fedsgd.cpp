#include "fl/algorithms.h"
#include "fl/epoch.h"
#include "nn/optimizer.h"

namespace fl {

// g_k: the gradient of client k's mean loss over all its samples.
std::span<const nn::real> full_batch_gradient(Worker& worker, const data::ImageSet& images,
                                              std::span<const int> samples, const LocalTraining&,
                                              nn::Generator& generator) {
  start_pass(generator);
  worker.compute_gradient(images, samples, generator);
  return worker.gradients();
}

// w_k = w - eta g_k
std::span<const nn::real> full_batch_step(Worker& worker, const data::ImageSet& images,
                                          std::span<const int> samples,
                                          const LocalTraining& training, nn::Generator& generator) {
  full_batch_gradient(worker, images, samples, training, generator);
  nn::sgd_step(worker.weights(), worker.gradients(), training.learning_rate);
  return worker.weights();
}

// w <- w - eta sum over k of n_k / n g_k
void step_along(std::span<nn::real> weights, std::span<const nn::real> mean_gradient,
                const LocalTraining& training) {
  nn::sgd_step(weights, mean_gradient, training.learning_rate);
}

}  // namespace fl
