#include "fl/defences/trimmed_mean.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "fl/defences/defences.h"
#include "nn/base/error.h"

namespace fl {

using nn::real;

static int trimmed(int count, double trim) { return static_cast<int>(count * trim); }

void trimmed_mean(const UpdateMatrix& updates, double trim, std::span<real> result) {
  const int n = updates.count();
  const int dropped = std::min(trimmed(n, trim), (n - 1) / 2), left = n - 2 * dropped;
  const std::vector<double> shares = updates.shares();
  std::vector<double> column(n);
  for (std::size_t j = 0; j < updates.size; ++j) {
    for (int i = 0; i < n; ++i) column[i] = updates.row(i)[j] * shares[i] * n;
    std::ranges::sort(column);
    const auto first = column.begin() + dropped;
    result[j] = static_cast<real>(std::accumulate(first, first + left, 0.0) / left);
  }
}

void check_trim(std::string_view defence, int updates, double trim) {
  if (2 * trimmed(updates, trim) < updates) return;
  throw nn::InputError(nn::concat(defence, " needs 2 int(n trim) < n: of n = ", updates,
                                  " updates --trim ", trim, " leaves none"),
                       "choose --trim 0.4, say");
}

void check_trimmed_mean(const Config& config, int clients_per_round) {
  check_trim("trimmed-mean", clients_per_round, option(config, "trim"));
}

namespace {

class TrimmedMean : public HeldUpdates {
 public:
  explicit TrimmedMean(double trim) : trim_(trim) {}

 private:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    trimmed_mean(updates, trim_, result);
  }

  double trim_;
};

}  // namespace

std::unique_ptr<Aggregation> make_trimmed_mean(const Config& config) {
  return std::make_unique<TrimmedMean>(option(config, "trim"));
}

}  // namespace fl
