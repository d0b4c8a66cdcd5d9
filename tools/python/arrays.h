#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/examples.h"
#include "tools/federated/dataset.h"
#include "tools/python/tributary.h"

namespace python {

// Images or rows in arrays of the caller, which must stay.
class ArrayExamples : public data::Examples {
 public:
  // Throws nn::InputError for a label that is not from 0 to 255.
  explicit ArrayExamples(const tributary_arrays& arrays);

  int size() const override { return static_cast<int>(labels_.size()); }
  nn::InputKind kind() const override;
  nn::Shape shape(nn::index n) const override;
  int class_count() const override { return classes_; }
  void set_class_count(int classes) { classes_ = classes; }
  void copy_batch(std::span<const int> examples, nn::real* inputs,
                  std::span<int> labels) const override;
  std::span<const std::uint8_t> groups() const override { return labels_; }
  nn::real normalised(float value, int channel) const override;

  std::span<const float> inputs() const;

 private:
  tributary_arrays arrays_;
  std::vector<std::uint8_t> labels_;
  int classes_;
};

// Named by a checksum: a saved run cannot go on with other data. Throws nn::InputError if the two
// have examples of different shapes, or one has none.
federated::Dataset wrap(const tributary_arrays& train, const tributary_arrays& test);

}  // namespace python

struct tributary_data : federated::Dataset {};
