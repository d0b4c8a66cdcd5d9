#include "nn/dropout_masks.h"

#include <cmath>

namespace nn {

void DropoutMasks::start_batch(Generator& generator, index rows) {
  generator_ = &generator;
  rows_ = rows;
  drawn_ = 0;
}

MaskView DropoutMasks::mask(int layer, index first_row, index columns, double drop_probability) {
  const std::lock_guard lock(mutex_);
  require(generator_, "dropout: start_batch() comes before the first mask");
  const auto wanted = static_cast<std::size_t>(layer);
  require(wanted <= drawn_, "dropout: layer ", layer, " asked before layer ", drawn_);
  if (wanted == drawn_) {
    if (masks_.size() == drawn_) masks_.emplace_back();
    draw_mask(*generator_, stream_, drop_probability, rows_ * columns, masks_[drawn_++]);
  }
  return {masks_[wanted].data(), first_row * columns};
}

void draw_mask(Generator& generator, DropoutStream stream, double p, index count,
               std::vector<std::uint64_t>& words) {
  const auto fill = [&](auto is_kept) {
    words.assign((count + 63) / 64, 0);
    for (index i = 0; i < count; ++i) words[i >> 6] |= std::uint64_t{is_kept()} << (i & 63);
  };
  if (stream == DropoutStream::mt) {
    // 53 random bits as a fraction are below 1 - p exactly if as an integer they are below this.
    const auto threshold = static_cast<std::uint64_t>(std::ceil((1 - p) * 0x1p53));
    fill([&] { return (generator.next64() & ((1ull << 53) - 1)) < threshold; });
  } else {
    constexpr std::uint64_t modulus = 0x7fffffff, multiplier = 1132489760;
    std::uint64_t x = generator.next32() % modulus;
    if (x == 0) x = 1;
    fill([&] {
      const bool is_kept = static_cast<double>(x) / modulus < 1 - p;
      x = multiplier * x % modulus;
      return is_kept;
    });
  }
}

}  // namespace nn
