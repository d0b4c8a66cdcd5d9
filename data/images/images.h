#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/examples.h"

namespace data {

// Labelled images. Pixels stay bytes; they are normalised as a batch is copied out.
struct ImageSet : Examples {
  int channels = 1;
  int height = 0;
  int width = 0;
  int classes = 10;
  std::vector<std::uint8_t> pixels;  // [size, channels, height, width]
  std::vector<std::uint8_t> labels;  // [size]
  std::vector<float> mean{0};        // of each channel, of pixels from 0 to 1
  std::vector<float> stddev{1};

  int size() const override { return static_cast<int>(labels.size()); }
  nn::InputKind kind() const override { return nn::InputKind::images; }
  nn::Shape shape(nn::index n) const override { return {n, channels, height, width}; }
  int class_count() const override { return classes; }
  std::span<const std::uint8_t> groups() const override { return labels; }

  // images[n, channels, height, width] = (pixel / 255 - mean) / stddev of the n samples named, with
  // the rounding of PyTorch's float32, and labels[n].
  void copy_batch(std::span<const int> samples, nn::real* images,
                  std::span<int> labels) const override;
  nn::real normalised(float value, int channel) const override {
    return (value - mean[channel]) / stddev[channel];
  }
};

struct ImageDataset {
  std::string name;
  int classes = 10;
  ImageSet train;
  ImageSet test;

  operator Task() const { return {name, train, test}; }
};

}  // namespace data
