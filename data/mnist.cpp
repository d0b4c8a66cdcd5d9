#include "data/mnist.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "data/mapped_file.h"
#include "nn/base/checksum.h"
#include "nn/base/error.h"

namespace data {
namespace {

using std::filesystem::path;

// A data set as it was published. The CRC-32C of each file was taken when its SHA-256 was verified.
struct Published {
  const char* name;
  float mean;
  float deviation;
  std::array<std::uint32_t, 4> checksums;  // in the order of file_names
};

constexpr std::array file_names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                   "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr Published mnist = {
    "mnist", 0.1307f, 0.3081f, {0xF09C5EFC, 0x469B0E4E, 0x355B09AB, 0x402A70E0}};
constexpr Published fashion_mnist = {
    "fashion", 0.2860f, 0.3530f, {0x7AF1F2BF, 0x219E9393, 0xAF8D0264, 0x0780B6FC}};

// An array of unsigned bytes in an IDX file; the values are a view of the file.
struct Idx {
  std::string name;
  std::vector<int> shape;
  std::span<const std::uint8_t> values;
};

template <class... Parts>
void check(bool holds, const std::string& file, const Parts&... parts) {
  if (holds) return;
  throw nn::InputError(nn::concat(file, ": ", parts...),
                       "images and labels are a pair of unpacked IDX files of unsigned bytes");
}

// Trusts no extent before the size of the file has confirmed it.
Idx parse(const NamedBytes& file, int rank) {
  const std::string& name = file.name;
  const std::span<const std::byte> content = file.content;
  const std::size_t header = 4 + 4 * rank;
  check(content.size() >= header, name, content.size(), " bytes, too short for an IDX file");
  const auto number = [&](int index) {
    std::uint32_t value = 0;
    for (const std::byte byte : content.subspan(4 * index, 4))
      value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  };
  const std::uint32_t magic = 0x0800 + rank;
  check(number(0) == magic, name, "magic number ", number(0), ", expected ", magic,
        " (IDX, unsigned bytes, rank ", rank, ")");

  Idx result{name, {}, {}};
  std::uint64_t elements = 1;  // at most 2^31 * 2^16 * 2^16
  for (int axis = 1; axis <= rank; ++axis) {
    const std::uint32_t extent = number(axis);
    const std::uint32_t most = axis == 1 ? INT_MAX : UINT16_MAX;
    check(extent >= 1 && extent <= most, name, "claims an extent of ", extent, ", not in 1...",
          most);
    result.shape.push_back(static_cast<int>(extent));
    elements *= extent;
  }
  const std::uint64_t expected = header + elements;
  check(content.size() == expected, name, content.size(), " bytes, expected ", expected,
        content.size() < expected ? " (truncated?)" : " (something follows the data)");
  result.values = {reinterpret_cast<const std::uint8_t*>(content.data()) + header, elements};
  return result;
}

ImageSet pair(const Idx& images, const Idx& labels, int classes) {
  check(images.shape[0] == labels.shape[0], labels.name, labels.shape[0], " labels, but ",
        images.name, " has ", images.shape[0], " images");
  const int largest = *std::ranges::max_element(labels.values);
  check(largest < classes, labels.name, "label ", largest, ", expected labels below ", classes);
  return {.height = images.shape[1],
          .width = images.shape[2],
          .pixels = {images.values.begin(), images.values.end()},
          .labels = {labels.values.begin(), labels.values.end()}};
}

MappedFile open(const path& file) {
  std::error_code error;
  check(std::filesystem::exists(file, error), file.string(), "no such file");
  return MappedFile(file);
}

// The images in the file of that number, and their labels in the next.
ImageSet load_pair(const Published& published, const path& folder, int first, int classes) {
  const path images = folder / file_names[first], labels = folder / file_names[first + 1];
  const MappedFile pixels = open(images), digits = open(labels);
  ImageSet set =
      parse_idx({images.string(), pixels.bytes()}, {labels.string(), digits.bytes()}, classes);
  const auto check_sum = [&](const path& file, const MappedFile& content, int number) {
    check(nn::crc32c(content.bytes()) == published.checksums[number], file.string(),
          "wrong checksum: not the file that was published");
  };
  check_sum(images, pixels, first);
  check_sum(labels, digits, first + 1);
  set.mean = published.mean;
  set.deviation = published.deviation;
  return set;
}

ImageDataset load(const Published& published, const path& folder) try {
  ImageDataset result;
  result.name = published.name;
  result.train = load_pair(published, folder, 0, result.classes);
  result.test = load_pair(published, folder, 2, result.classes);
  return result;
} catch (const nn::InputError& error) {
  throw nn::InputError(error.what(),
                       nn::concat("data/fetch.sh ", published.name,
                                  " puts the right files into data/raw/", published.name));
}

}  // namespace

void ImageSet::copy_batch(std::span<const int> samples, nn::real* images,
                          std::span<int> labels) const {
  nn::require(labels.size() == samples.size(), "copy_batch: ", samples.size(), " samples, but ",
              labels.size(), " labels");
  std::array<nn::real, 256> normalised;
  for (int pixel = 0; pixel < 256; ++pixel) {
    normalised[pixel] = (static_cast<float>(pixel) / 255.0f - mean) / deviation;
  }
  const std::size_t area = static_cast<std::size_t>(height) * width;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const int sample = samples[i];
    nn::require(sample >= 0 && sample < size(), "copy_batch: sample ", sample, " of ", size());
    const std::uint8_t* from = &pixels[sample * area];
    images =
        std::transform(from, from + area, images, [&](int pixel) { return normalised[pixel]; });
    labels[i] = this->labels[sample];
  }
}

bool dataset_is_present(const path& folder) {
  return std::ranges::all_of(file_names, [&](const char* name) {
    return std::filesystem::is_regular_file(folder / name);
  });
}

ImageDataset load_mnist(const path& folder) { return load(mnist, folder); }
ImageDataset load_fashion_mnist(const path& folder) { return load(fashion_mnist, folder); }

ImageSet parse_idx(const NamedBytes& images, const NamedBytes& labels, int classes) {
  return pair(parse(images, 3), parse(labels, 1), classes);
}

ImageSet read_idx(const path& images, const path& labels, int classes) {
  const MappedFile pixels = open(images), digits = open(labels);
  return parse_idx({images.string(), pixels.bytes()}, {labels.string(), digits.bytes()}, classes);
}

}  // namespace data
