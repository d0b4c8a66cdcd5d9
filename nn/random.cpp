#include "nn/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nn/real.h"

namespace nn {

// Takes 24 bits of a 32-bit draw per number and scales them by one fused multiply-add in float, as
// PyTorch's builds for AVX2 and later do.
void Generator::uniform(std::span<real> values, double low, double high) {
  const float from = static_cast<float>(low), width = static_cast<float>(high) - from;
  std::array<std::uint32_t, 256> outputs;
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), outputs.size());
    next32(std::span(outputs).first(count));
    for (std::size_t i = 0; i < count; ++i)
      values[i] = std::fmaf(static_cast<float>(outputs[i] & 0xFFFFFF) * 0x1p-24f, width, from);
    values = values.subspan(count);
  }
}

double Generator::one_normal() {
  if (kept_normal_) return *std::exchange(kept_normal_, std::nullopt);
  const double u1 = uniform53(), u2 = uniform53();
  const double radius = std::sqrt(-2 * std::log1p(-u2)), angle = 2 * std::numbers::pi * u1;
  kept_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

// Box-Muller, in two ways. Fewer than 16 numbers are drawn one by one in double. Otherwise uniform
// numbers are drawn first and turned into normal ones in blocks of 16; if the last block is
// incomplete, the last 16 numbers are drawn again.
void Generator::normal(std::span<real> values, double mean, double stddev) {
  const std::size_t count = values.size();
  if (count < 16) {
    for (real& value : values) value = static_cast<float>(one_normal() * stddev + mean);
    return;
  }
  const auto turn_block = [&](real* block) {
    for (int i = 0; i < 8; ++i) {
      const float u1 = 1 - static_cast<float>(block[i]), u2 = static_cast<float>(block[i + 8]);
      const float radius = std::sqrt(-2 * std::log(u1));
      const float angle = static_cast<float>(2 * std::numbers::pi * u2);
      const float scale = static_cast<float>(stddev), shift = static_cast<float>(mean);
      block[i] = radius * std::cos(angle) * scale + shift;
      block[i + 8] = radius * std::sin(angle) * scale + shift;
    }
  };
  uniform(values, 0, 1);
  for (std::size_t i = 0; i + 16 <= count; i += 16) turn_block(values.data() + i);
  if (count % 16 != 0) {
    uniform(values.last(16), 0, 1);
    turn_block(values.data() + count - 16);
  }
}

std::vector<int> Generator::permutation(int count) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int i = 0; i + 1 < count; ++i) std::swap(order[i], order[i + next32() % (count - i)]);
  return order;
}

}  // namespace nn
