#include "tools/python/arrays.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>

#include "nn/base/checksum.h"
#include "nn/base/error.h"

namespace python {

ArrayExamples::ArrayExamples(const tributary_arrays& arrays) : arrays_(arrays) {
  if (arrays.size < 1 || arrays.size > std::numeric_limits<int>::max())
    throw nn::InputError(nn::concat(arrays.size, " examples cannot be learned"),
                         "give as many inputs as labels, at least one");
  labels_.reserve(arrays.size);
  for (const std::int64_t label : std::span(arrays.labels, arrays.size)) {
    if (label < 0 || label > 255)
      throw nn::InputError(nn::concat("a label is ", label), "number the classes 0 to 255");
    labels_.push_back(static_cast<std::uint8_t>(label));
  }
  classes_ = *std::ranges::max_element(labels_) + 1;
}

nn::InputKind ArrayExamples::kind() const {
  return arrays_.channels > 0 ? nn::InputKind::images : nn::InputKind::rows;
}

nn::Shape ArrayExamples::shape(nn::index n) const {
  if (arrays_.channels == 0) return {n, arrays_.width};
  return {n, arrays_.channels, arrays_.height, arrays_.width};
}

std::span<const float> ArrayExamples::inputs() const {
  return {arrays_.inputs, static_cast<std::size_t>(shape(arrays_.size).size())};
}

void ArrayExamples::copy_batch(std::span<const int> examples, nn::real* to,
                               std::span<int> labels) const {
  const auto size = static_cast<std::size_t>(shape(1).size());
  for (std::size_t i = 0; i < examples.size(); ++i) {
    to = std::ranges::copy(inputs().subspan(examples[i] * size, size), to).out;
    labels[i] = labels_[examples[i]];
  }
}

nn::real ArrayExamples::normalised(float value, int channel) const {
  return kind() == nn::InputKind::images ? nn::real{value} : Examples::normalised(value, channel);
}

federated::Dataset wrap(const tributary_arrays& train, const tributary_arrays& test) {
  const auto learned = std::make_shared<ArrayExamples>(train);
  const auto tested = std::make_shared<ArrayExamples>(test);
  if (learned->shape(1) != tested->shape(1))
    throw nn::InputError(nn::concat("training examples have the shape ", learned->shape(1),
                                    ", test examples ", tested->shape(1)),
                         "give both the same shape");
  const int classes = std::max(learned->class_count(), tested->class_count());
  std::uint32_t checksum = 0;
  for (const auto& part : {learned, tested}) {
    part->set_class_count(classes);
    checksum = nn::crc32c(std::as_bytes(part->inputs()), checksum);
    checksum = nn::crc32c(std::as_bytes(part->groups()), checksum);
  }
  return {nn::concat("arrays ", std::hex, checksum), learned, tested};
}

}  // namespace python
