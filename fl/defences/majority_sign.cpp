#include <vector>

#include "fl/defences/defences.h"

namespace fl {

namespace {

using nn::real;

// The sum of n_k / n times the updates, where a number counts as 0 unless it has the sign of the
// sum of signs. On a tie only zeros have it, so the result is 0.
class MajoritySign : public HeldUpdates {
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    const int n = updates.count();
    const std::vector<double> shares = updates.shares();
    for (std::size_t j = 0; j < updates.size; ++j) {
      int signs = 0;
      for (int i = 0; i < n; ++i) {
        const real value = updates.row(i)[j];
        signs += (value > 0) - (value < 0);
      }
      double sum = 0;
      for (int i = 0; i < n; ++i) {
        const real value = updates.row(i)[j];
        if ((value > 0 && signs > 0) || (value < 0 && signs < 0)) sum += value * shares[i];
      }
      result[j] = static_cast<real>(sum);
    }
  }
};

}  // namespace

std::unique_ptr<Aggregation> make_majority_sign(const Config&) {
  return std::make_unique<MajoritySign>();
}

}  // namespace fl
