#pragma once

#include <span>
#include "nn/base/error.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Checked targets in the tape's arena, and the number of them that are not negative.
struct Targets {
  std::span<const int> classes;
  real count = 0;
};

inline Targets keep_targets(const char* name, index n, index classes, Tape& tape,
                            std::span<const int> targets) {
  require(n == static_cast<index>(targets.size()), name, ": ", n, " rows do not fit ",
          targets.size(), " targets");
  Targets kept{tape.keep(targets)};
  for (int target : targets) {
    require(target < classes, name, ": target ", target, " is not one of ", classes, " classes");
    kept.count += target >= 0;
  }
  return kept;
}

}  // namespace nn
