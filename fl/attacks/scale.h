#pragma once

#include <span>
#include <string_view>

#include "data/examples.h"
#include "nn/base/error.h"

namespace fl {

inline void scale(std::span<nn::real> values, nn::real factor) {
  for (nn::real& value : values) value *= factor;
}

// Throws nn::InputError if the examples do not have the class that the option names.
inline void require_class(std::string_view option, int label, const data::Examples& examples) {
  const int classes = examples.class_count();
  if (label < classes) return;
  throw nn::InputError(
      nn::concat("--", option, ": ", label, " is not a class: there are ", classes),
      nn::concat("classes have the numbers 0 to ", classes - 1));
}

}  // namespace fl
