#pragma once

#include "tools/bench/contestant.h"

namespace bench {

// The machine's SGEMM peak: every core multiplies 512 x 512 matrices of its own.
class Peak {
 public:
  explicit Peak(int threads);

  // Measured now: the best of a few tries.
  double flops_per_second();
  // The best so far; 0 if never measured.
  double best() const { return best_; }

 private:
  int threads_;
  Contestant contestant_;
  double best_ = 0;
};

}  // namespace bench
