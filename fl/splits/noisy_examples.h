#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/examples.h"

namespace fl {

// Images with Gaussian noise that grows with the number of the client that has them (Li et al.
// 2022, NIID-Bench, noise-based feature imbalance): none for the first, the whole for the last. An
// image always has the same noise, whoever reads it and when.
class NoisyExamples : public data::Examples {
 public:
  // The noise is the standard deviation, of pixels from 0 to 1. The images must outlive it. Throws
  // nn::InputError if they are no images.
  NoisyExamples(const data::Examples& images, std::span<const std::vector<int>> clients,
                double noise, std::uint64_t seed);

  int size() const override { return images_.size(); }
  nn::InputKind kind() const override { return images_.kind(); }
  nn::Shape shape(nn::index n) const override { return images_.shape(n); }
  int labels_per_example() const override { return images_.labels_per_example(); }
  int class_count() const override { return images_.class_count(); }
  void copy_batch(std::span<const int> examples, nn::real* inputs,
                  std::span<int> labels) const override;
  std::span<const std::uint8_t> groups() const override { return images_.groups(); }
  nn::real normalised(float value, int channel) const override {
    return images_.normalised(value, channel);
  }

 private:
  const data::Examples& images_;
  std::vector<double> noise_;  // of each image
  std::vector<double> scale_;  // of each channel: what a pixel's range is after normalisation
  std::uint64_t seed_;
};

}  // namespace fl
