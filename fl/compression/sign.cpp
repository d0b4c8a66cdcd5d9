#include <cmath>
#include <cstdint>

#include "fl/compression/compression.h"

namespace fl {

namespace {

using nn::real;

// signSGD (Bernstein et al. 2018), scaled and with error feedback as in Karimireddy et al. 2019,
// algorithm 1: every number becomes its sign, where 0 counts as positive, times the mean magnitude
// of all. One bit each, and the scale.
class ScaledSign : public Compression {
  std::int64_t encode(std::span<real> change, nn::Generator&) const override {
    double sum = 0;
    for (real value : change) sum += std::abs(value);
    const auto scale = static_cast<real>(sum / static_cast<double>(change.size()));
    for (real& value : change) value = value < 0 ? -scale : scale;
    return static_cast<std::int64_t>(change.size() + 7) / 8 + bytes_per_number;
  }
};

}  // namespace

std::unique_ptr<Compression> make_sign(const Config&) { return std::make_unique<ScaledSign>(); }

}  // namespace fl
