#include <algorithm>

#include "fl/defences/defences.h"

namespace fl {

namespace {

using nn::real;

// The coordinate-wise median (Yin et al. 2018, definition 1) of the updates times |S| n_k / n; of
// an even count the lower middle one, as torch.median gives it.
class Median : public HeldUpdates {
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    const int n = updates.count();
    const std::vector<double> shares = updates.shares();
    std::vector<real> column(n);
    for (std::size_t j = 0; j < updates.size; ++j) {
      for (int i = 0; i < n; ++i) column[i] = updates.row(i)[j] * static_cast<real>(shares[i] * n);
      std::ranges::nth_element(column, column.begin() + (n - 1) / 2);
      result[j] = column[(n - 1) / 2];
    }
  }
};

}  // namespace

std::unique_ptr<Aggregation> make_median(const Config&) { return std::make_unique<Median>(); }

}  // namespace fl
