#pragma once

#include <span>

#include "data/examples.h"
#include "nn/base/error.h"

namespace fl {

inline void scale(std::span<nn::real> values, nn::real factor) {
  for (nn::real& value : values) value *= factor;
}

// Throws nn::InputError if the examples have no such class.
inline void require_class(int label, const data::BatchPart& batch) {
  if (label < batch.source.class_count()) return;
  throw nn::InputError(
      nn::concat("--attack-to ", label, ": there are ", batch.source.class_count(), " classes"),
      "classes are counted from 0");
}

}  // namespace fl
