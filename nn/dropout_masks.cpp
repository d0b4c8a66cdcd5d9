#include "nn/dropout_masks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <ranges>
#include <span>
#include <tuple>
#include <vector>
#include "nn/base/error.h"
#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

void DropoutMasks::start_batch(Generator& generator, index rows) {
  generator_ = &generator;
  rows_ = rows;
  drawn_ = 0;
}

MaskView DropoutMasks::mask(int layer, index first_row, index columns, double drop_probability) {
  const std::lock_guard lock(mutex_);
  require(generator_, "dropout: call start_batch() before the first mask");
  const auto wanted = static_cast<std::size_t>(layer);
  require(wanted <= drawn_, "dropout: layer ", layer, " asked for its mask before layer ", drawn_);
  if (wanted == drawn_) {
    if (masks_.size() == drawn_) masks_.emplace_back();
    draw_mask(*generator_, stream_, drop_probability, rows_ * columns, masks_[drawn_++]);
  }
  return {masks_[wanted].data(), first_row * columns};
}

namespace {

using Draws = std::array<std::uint64_t, 64>;

// Bit i is set if draws[i] is below the limit.
std::uint64_t bits_below(const Draws& draws, std::uint64_t limit) {
  std::uint64_t bits = 0;
  for (std::uint64_t i = 0; i < draws.size(); ++i) bits |= std::uint64_t{draws[i] < limit} << i;
  return bits;
}

// 53 random bits from two outputs, as in PyTorch.
class TwisterDraws {
 public:
  explicit TwisterDraws(Generator& generator) : generator_(generator) {}

  // A draw is below this integer exactly if, as a fraction, it is below 1 - p.
  static std::uint64_t limit(double p) {
    return static_cast<std::uint64_t>(std::ceil((1 - p) * 0x1p53));
  }
  void next(Draws& draws, index count) {
    std::array<std::uint32_t, 2 * std::tuple_size_v<Draws>> outputs{};
    generator_.next32(std::span(outputs).first(2 * count));
    for (std::size_t i = 0; i < draws.size(); ++i)
      draws[i] = std::uint64_t{outputs[2 * i] & 0x1fffff} << 32 | outputs[2 * i + 1];
  }

 private:
  Generator& generator_;
};

// MKL's MCG31: x[i + 1] = multiplier x[i] mod 2^31 - 1, 64 draws at a time.
class CongruentialDraws {
 public:
  explicit CongruentialDraws(Generator& generator) {
    std::uint64_t x = std::max<std::uint64_t>(generator.next32() % modulus, 1);
    for (std::uint64_t& next : next_) {
      next = x;
      x = product(x, 1132489760);
      stride_ = product(stride_, 1132489760);
    }
  }

  // The smallest draw that, divided by the modulus, is not below 1 - p.
  static std::uint64_t limit(double p) {
    return *std::ranges::partition_point(
        std::views::iota(std::uint64_t{0}, modulus),
        [&](std::uint64_t x) { return static_cast<double>(x) / modulus < 1 - p; });
  }
  void next(Draws& draws, index) {
    draws = next_;
    for (std::uint64_t& x : next_) x = product(x, stride_);
  }

 private:
  static constexpr std::uint64_t modulus = 0x7fffffff;
  static std::uint64_t product(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t product = a * b, folded = (product & modulus) + (product >> 31);
    return folded < modulus ? folded : folded - modulus;
  }

  Draws next_;
  std::uint64_t stride_ = 1;  // the multiplier to the power of 64
};

template <class Source>
void fill(Source source, double p, index count, std::vector<std::uint64_t>& words) {
  constexpr index word_bits = std::tuple_size_v<Draws>;
  const std::uint64_t limit = Source::limit(p);
  words.resize((count + word_bits - 1) / word_bits);
  Draws draws;
  for (std::uint64_t& word : words) {
    source.next(draws, std::min(count, word_bits));
    word = bits_below(draws, limit);
    count -= word_bits;
  }
}

}  // namespace

void draw_mask(Generator& generator, DropoutStream stream, double p, index count,
               std::vector<std::uint64_t>& words) {
  if (stream == DropoutStream::mt)
    fill(TwisterDraws(generator), p, count, words);
  else
    fill(CongruentialDraws(generator), p, count, words);
}

}  // namespace nn
