#include "data/mnist.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <fstream>
#include <system_error>
#include <utility>

#include "nn/checksum.h"
#include "nn/error.h"

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

// An array of unsigned bytes in an IDX file, and the checksum of the whole file.
struct IdxFile {
  path where;
  std::vector<int> shape;
  std::vector<std::uint8_t> values;
  std::uint32_t checksum = 0;
};

template <class... Parts>
void check(bool holds, const path& file, const Parts&... parts) {
  if (holds) return;
  throw nn::InputError(nn::concat(file.string(), ": ", parts...),
                       "images and labels are a pair of unpacked IDX files of unsigned bytes");
}

// Trusts no extent before the size of the file has confirmed it.
IdxFile read_idx_file(const path& where, int rank) {
  std::error_code error;
  check(std::filesystem::exists(where, error), where, "no such file");
  const std::uint64_t size = std::filesystem::file_size(where, error);
  std::ifstream file(where, std::ios::binary);
  check(!error && file.is_open(), where, "cannot be read");

  IdxFile result;
  result.where = where;
  const auto read = [&](std::vector<std::uint8_t>& bytes) {
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    check(file.good(), where, "cannot be read to its end");
    result.checksum = nn::crc32c(std::as_bytes(std::span(bytes)), result.checksum);
  };

  std::vector<std::uint8_t> header(4 + 4 * rank);
  check(size >= header.size(), where, size, " bytes, too short for an IDX file");
  read(header);
  const auto number = [&](int index) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | header[4 * index + i];
    return value;
  };
  const std::uint32_t magic = 0x0800 + rank;
  check(number(0) == magic, where, "magic number ", number(0), ", expected ", magic,
        " (IDX, unsigned bytes, rank ", rank, ")");

  std::uint64_t elements = 1;  // at most 2^31 * 2^16 * 2^16
  for (int axis = 1; axis <= rank; ++axis) {
    const std::uint32_t extent = number(axis);
    const std::uint32_t most = axis == 1 ? INT_MAX : UINT16_MAX;
    check(extent >= 1 && extent <= most, where, "claims an extent of ", extent, ", not in 1...",
          most);
    result.shape.push_back(static_cast<int>(extent));
    elements *= extent;
  }
  const std::uint64_t expected = header.size() + elements;
  check(size == expected, where, size, " bytes, expected ", expected,
        size < expected ? " (truncated?)" : " (something follows the data)");
  result.values.resize(elements);
  read(result.values);
  return result;
}

ImageSet pair(IdxFile images, IdxFile labels, int classes) {
  check(images.shape[0] == labels.shape[0], labels.where, labels.shape[0], " labels, but ",
        images.where.string(), " has ", images.shape[0], " images");
  const int largest = *std::ranges::max_element(labels.values);
  check(largest < classes, labels.where, "label ", largest, ", expected labels below ", classes);
  return {.height = images.shape[1],
          .width = images.shape[2],
          .pixels = std::move(images.values),
          .labels = std::move(labels.values)};
}

ImageDataset load(const Published& published, const path& folder) try {
  const auto read = [&](int index) {
    IdxFile file = read_idx_file(folder / file_names[index], index % 2 == 0 ? 3 : 1);
    check(file.checksum == published.checksums[index], file.where,
          "wrong checksum: not the file that was published");
    return file;
  };
  ImageDataset result;
  result.name = published.name;
  result.train = pair(read(0), read(1), result.classes);
  result.test = pair(read(2), read(3), result.classes);
  for (ImageSet* set : {&result.train, &result.test}) {
    set->mean = published.mean;
    set->deviation = published.deviation;
  }
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

ImageSet read_idx(const path& images, const path& labels, int classes) {
  return pair(read_idx_file(images, 3), read_idx_file(labels, 1), classes);
}

}  // namespace data
