#include "data/images/images.h"

#include <algorithm>
#include <array>

#include "nn/base/error.h"

namespace data {

void ImageSet::copy_batch(std::span<const int> samples, nn::real* images,
                          std::span<int> labels) const {
  nn::require(labels.size() == samples.size(), "copy_batch: ", samples.size(), " samples, but ",
              labels.size(), " labels");
  const auto planes = static_cast<std::size_t>(channels);
  nn::require(mean.size() == planes && stddev.size() == planes, "copy_batch: ", channels,
              " channels, but ", mean.size(), " means and ", stddev.size(), " standard deviations");
  std::vector<std::array<nn::real, 256>> values(planes);
  for (std::size_t channel = 0; channel < planes; ++channel)
    for (int pixel = 0; pixel < 256; ++pixel)
      values[channel][pixel] =
          this->normalised(static_cast<float>(pixel) / 255.0f, static_cast<int>(channel));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const int sample = samples[i];
    nn::require(sample >= 0 && sample < size(), "copy_batch: sample ", sample, " of ", size());
    const std::uint8_t* from = &pixels[sample * planes * area];
    for (std::size_t channel = 0; channel < planes; ++channel, from += area)
      images = std::transform(from, from + area, images,
                              [&row = values[channel]](int pixel) { return row[pixel]; });
    labels[i] = this->labels[sample];
  }
}

}  // namespace data
