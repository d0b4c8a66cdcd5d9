#pragma once

#include "tools/bench/contestant.h"

namespace bench {

// The machine's SGEMM peak: all cores multiply matrices of 512 x 512, each its own.
class Peak {
 public:
  explicit Peak(int threads);

  // Of the best of a few tries, just now.
  double flops_per_second();
  // The best that was ever seen; 0 if it was never measured.
  double best() const { return best_; }

 private:
  int threads_;
  Contestant contestant_;
  double best_ = 0;
};

}  // namespace bench
