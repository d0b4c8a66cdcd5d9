#include "data/images/mnist.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "data/images/idx.h"
#include "nn/base/checksum.h"
#include "nn/base/error.h"

namespace data {
namespace {

using std::filesystem::path;

// A published data set. The CRC-32C of each file was computed after its SHA-256 had been verified.
struct Published {
  const char* name;
  float mean;
  float stddev;
  std::array<std::uint32_t, 4> checksums;  // in the order of file_names
};

constexpr std::array file_names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                   "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr Published mnist = {
    "mnist", 0.1307f, 0.3081f, {0xF09C5EFC, 0x469B0E4E, 0x355B09AB, 0x402A70E0}};
constexpr Published fashion_mnist = {
    "fashion", 0.2860f, 0.3530f, {0x7AF1F2BF, 0x219E9393, 0xAF8D0264, 0x0780B6FC}};

// The images in the file with number `first`, and their labels in the next.
ImageSet load_pair(const Published& published, const path& folder, int first, int classes) {
  const path images = folder / file_names[first], labels = folder / file_names[first + 1];
  const MappedFile pixels = open_idx(images), digits = open_idx(labels);
  ImageSet set =
      parse_idx({images.string(), pixels.bytes()}, {labels.string(), digits.bytes()}, classes);
  const auto check_sum = [&](const path& file, const MappedFile& content, int number) {
    if (nn::crc32c(content.bytes()) != published.checksums[number])
      throw nn::InputError(file.string() + ": wrong checksum: not the file that was published",
                           "fetch it anew");
  };
  check_sum(images, pixels, first);
  check_sum(labels, digits, first + 1);
  set.mean = {published.mean};
  set.stddev = {published.stddev};
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

bool dataset_is_present(const path& folder) {
  return std::ranges::all_of(file_names, [&](const char* name) {
    return std::filesystem::is_regular_file(folder / name);
  });
}

ImageDataset load_mnist(const path& folder) { return load(mnist, folder); }
ImageDataset load_fashion_mnist(const path& folder) { return load(fashion_mnist, folder); }

}  // namespace data
