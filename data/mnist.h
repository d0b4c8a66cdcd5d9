#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nn/real.h"

namespace data {

// Labelled grey images. Pixels stay bytes; they are normalised as a batch is copied out.
struct ImageSet {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;  // [size, height, width]
  std::vector<std::uint8_t> labels;  // [size]
  float mean = 0;
  float deviation = 1;

  int size() const { return static_cast<int>(labels.size()); }

  // images[n, 1, height, width] = (pixel / 255 - mean) / deviation of the n samples named, with the
  // rounding of PyTorch's float32, and labels[n].
  void copy_batch(std::span<const int> samples, nn::real* images, std::span<int> labels) const;
};

struct ImageDataset {
  std::string name;
  int classes = 10;
  ImageSet train;
  ImageSet test;
};

// True if the folder has the four files of MNIST (or Fashion-MNIST, which names them alike).
bool dataset_is_present(const std::filesystem::path& folder);

// The data sets as they were published, to the last bit; throws nn::InputError otherwise.
ImageDataset load_mnist(const std::filesystem::path& folder);
ImageDataset load_fashion_mnist(const std::filesystem::path& folder);

// Any pair of unpacked IDX files with at least one image; throws nn::InputError if they are not
// that, or if a label is not below classes.
ImageSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                  int classes = 10);

// What a file holds, and what complaints call it.
struct NamedBytes {
  std::string name;
  std::span<const std::byte> content;
};

// The same from memory.
ImageSet parse_idx(const NamedBytes& images, const NamedBytes& labels, int classes = 10);

}  // namespace data
