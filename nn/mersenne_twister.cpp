#include "nn/mersenne_twister.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nn {

namespace {

// The new word from the one 397 `ahead`, the top bit of `upper` and the other bits of `lower`.
inline std::uint32_t twisted(std::uint32_t ahead, std::uint32_t upper, std::uint32_t lower) {
  const std::uint32_t joined = (upper & 0x80000000) | (lower & 0x7fffffff);
  return ahead ^ joined >> 1 ^ ((joined & 1) ? 0x9908b0df : 0);
}

inline std::uint32_t tempered(std::uint32_t word) {
  word ^= word >> 11;
  word ^= word << 7 & 0x9d2c5680;
  word ^= word << 15 & 0xefc60000;
  return word ^ word >> 18;
}

}  // namespace

MersenneTwister::MersenneTwister(std::uint32_t seed) {
  state_[0] = seed;
  for (std::uint32_t i = 1; i < length; ++i)
    state_[i] = 1812433253 * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
}

// Each word depends on the next one and on the one 397 ahead, modulo the length. For the first 227
// words that is an old word; for the others it is a new one.
void MersenneTwister::make_outputs() {
  constexpr int ahead = 397, turn = length - ahead;
  std::uint32_t* word = state_.data();
  for (int i = 0; i < turn; ++i) word[i] = twisted(word[i + ahead], word[i], word[i + 1]);
  for (int i = turn; i < length - 1; ++i) word[i] = twisted(word[i - turn], word[i], word[i + 1]);
  word[length - 1] = twisted(word[ahead - 1], word[length - 1], word[0]);
  std::ranges::transform(state_, outputs_.begin(), tempered);
  next_ = 0;
}

void MersenneTwister::fill(std::span<std::uint32_t> outputs) {
  while (!outputs.empty()) {
    if (next_ == length) make_outputs();
    const int count = static_cast<int>(std::min<std::size_t>(outputs.size(), length - next_));
    std::copy_n(outputs_.begin() + next_, count, outputs.begin());
    next_ += count;
    outputs = outputs.subspan(count);
  }
}

}  // namespace nn
