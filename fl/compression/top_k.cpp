#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fl/compression/compression.h"

namespace fl {

namespace {

using nn::real;

// Sends the k largest numbers by magnitude, of equal ones the first, each as an index of 32 bits
// and a number.
class TopK : public Compression {
 public:
  explicit TopK(double share) : share_(share) {}

 private:
  std::int64_t encode(std::span<real> change, nn::Generator&) const override {
    const auto size = static_cast<double>(change.size());
    const auto k = static_cast<std::int64_t>(std::max(1.0, std::nearbyint(share_ * size)));
    std::vector<std::uint32_t> order(change.size());
    std::iota(order.begin(), order.end(), 0u);
    std::nth_element(order.begin(), order.begin() + (k - 1), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) {
                       const real x = std::abs(change[a]), y = std::abs(change[b]);
                       return x != y ? x > y : a < b;
                     });
    for (std::uint32_t i : std::span(order).subspan(k)) change[i] = 0;
    return k * (4 + bytes_per_number);
  }

  double share_;
};

}  // namespace

std::unique_ptr<Compression> make_top_k(const Config& config) {
  return std::make_unique<TopK>(option(config, "topk-share"));
}

}  // namespace fl
