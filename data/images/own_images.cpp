#include "data/images/own_images.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "data/images/cifar.h"
#include "data/images/idx.h"
#include "nn/base/error.h"

namespace data {
namespace {

using std::filesystem::path;

constexpr int most_classes = 256;  // a label is a byte

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(file, ignored);
}

ImageSet read_part(const path& folder, const std::string& part) {
  path images = folder / (part + "-images-idx3-ubyte");
  if (!is_there(images)) images = folder / (part + "-images-idx4-ubyte");
  if (!is_there(images))
    throw nn::InputError(
        nn::concat("there is no ", part, "-images-idx3-ubyte in ", folder.string()),
        "a folder of images has train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "and the same for t10k, unpacked; or idx4 with channels before height");
  return read_idx(images, folder / (part + "-labels-idx1-ubyte"), most_classes);
}

// Sums of bytes are exact.
void measure_channels(ImageSet& set) {
  const std::size_t area = static_cast<std::size_t>(set.height) * set.width;
  std::vector<std::uint64_t> sums(set.channels), squares(set.channels);
  for (std::size_t at = 0; at < set.pixels.size(); at += area) {
    const std::size_t channel = at / area % set.channels;
    for (const std::uint64_t pixel : std::span(set.pixels).subspan(at, area)) {
      sums[channel] += pixel;
      squares[channel] += pixel * pixel;
    }
  }
  const double count = static_cast<double>(area) * set.size();
  for (int channel = 0; channel < set.channels; ++channel) {
    const double mean = static_cast<double>(sums[channel]) / count;
    const double variance = static_cast<double>(squares[channel]) / count - mean * mean;
    set.mean[channel] = static_cast<float>(mean / 255);
    set.stddev[channel] = variance > 0 ? static_cast<float>(std::sqrt(variance) / 255) : 1;
  }
}

}  // namespace

ImageDataset load_own_images(const path& folder) {
  if (is_there(folder / "data_batch_1.bin")) return load_cifar10(folder);
  ImageDataset images{"images", 0, read_part(folder, "train"), read_part(folder, "t10k")};
  auto& [name, classes, train, test] = images;
  if (test.shape(1) != train.shape(1))
    throw nn::InputError(nn::concat(folder.string(), ": the test images are ", test.channels, 'x',
                                    test.height, 'x', test.width, ", the training images ",
                                    train.channels, 'x', train.height, 'x', train.width),
                         "both must have the same channels, height and width");
  classes = 1 + std::max(std::ranges::max(train.labels), std::ranges::max(test.labels));
  train.classes = test.classes = classes;
  measure_channels(train);
  test.mean = train.mean;
  test.stddev = train.stddev;
  return images;
}

}  // namespace data
