#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "fl/compression/compression.h"

namespace fl {

namespace {

using nn::real;

// The bits of Elias's omega code for n >= 1.
std::int64_t elias_bits(std::uint64_t n) {
  std::int64_t bits = 1;
  for (; n > 1; n = std::bit_width(n) - 1) bits += std::bit_width(n);
  return bits;
}

// QSGD (Alistarh et al. 2017, section 3.1) with s levels, in buckets of 512 numbers as in its
// section 4: v_i becomes |v| sign(v_i) l / s, where l is s |v_i| / |v|, rounded up or down at
// random so that the mean is v_i. The code is the paper's for sparse vectors: a bucket is its norm,
// and then for each l > 0 Elias's codes of the distance to the one before and of l, and a bit for
// the sign.
class Qsgd : public Compression {
 public:
  explicit Qsgd(int levels) : levels_(levels) {}

 private:
  bool has_feedback() const override { return false; }

  std::int64_t encode(std::span<real> change, nn::Generator& generator) const override {
    std::int64_t bits = 0;
    for (; !change.empty(); change = change.subspan(std::min(bucket, change.size())))
      bits += encode_bucket(change.first(std::min(bucket, change.size())), generator);
    return (bits + 7) / 8;
  }

  std::int64_t encode_bucket(std::span<real> values, nn::Generator& generator) const {
    std::vector<real> draws(values.size());
    generator.uniform(draws, 0, 1);
    double squares = 0;
    for (real value : values) squares += static_cast<double>(value) * value;
    const double norm = std::sqrt(squares), step = norm / levels_;
    std::int64_t bits = 8 * bytes_per_number;
    if (norm == 0) return bits;
    std::size_t next = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double exact = std::abs(values[i]) / step, below = std::floor(exact);
      const auto level = static_cast<std::uint64_t>(below + (draws[i] < exact - below));
      values[i] = static_cast<real>(std::copysign(static_cast<double>(level) * step, values[i]));
      if (level == 0) continue;
      bits += elias_bits(i + 1 - next) + elias_bits(level) + 1;
      next = i + 1;
    }
    return bits;
  }

  static constexpr std::size_t bucket = 512;
  int levels_;
};

}  // namespace

std::unique_ptr<Compression> make_qsgd(const Config& config) {
  return std::make_unique<Qsgd>(int_option(config, "qsgd-levels"));
}

}  // namespace fl
