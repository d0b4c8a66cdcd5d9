#include "fl/splits/noisy_examples.h"

#include <algorithm>
#include <functional>

#include "nn/random.h"

namespace fl {

NoisyExamples::NoisyExamples(const data::Examples& images,
                             std::span<const std::vector<int>> clients, double noise,
                             std::uint64_t seed)
    : images_(images), noise_(images.size()), seed_(seed) {
  const auto last = static_cast<double>(std::max<std::size_t>(clients.size(), 2) - 1);
  for (std::size_t client = 0; client < clients.size(); ++client)
    for (int image : clients[client]) noise_[image] = noise * static_cast<double>(client) / last;
  const int channels = static_cast<int>(images.shape(1)[1]);
  for (int channel = 0; channel < channels; ++channel)
    scale_.push_back(images.normalised(1, channel) - images.normalised(0, channel));
}

void NoisyExamples::copy_batch(std::span<const int> examples, nn::real* inputs,
                               std::span<int> labels) const {
  images_.copy_batch(examples, inputs, labels);
  const auto area = static_cast<std::size_t>(shape(1).size()) / scale_.size();
  std::vector<nn::real> noise(area);
  for (int image : examples) {
    nn::Generator generator(seed_ + static_cast<std::uint64_t>(image));
    for (double scale : scale_) {
      generator.normal(noise, 0, noise_[image] * scale);
      inputs = std::ranges::transform(std::span(inputs, area), noise, inputs, std::plus()).out;
    }
  }
}

}  // namespace fl
