#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

// Bit i of the mask says whether element i is kept.
struct MaskView {
  const std::uint64_t* words = nullptr;
  index first = 0;
  bool operator[](index i) const { return words[(first + i) >> 6] >> ((first + i) & 63) & 1; }
};

// PyTorch has had two streams for the masks of dropout on a CPU.
enum class DropoutStream {
  mt,   // PyTorch 2.7 and later, and every build without MKL: two MT19937 outputs an element
  mkl,  // Linux and Windows wheels up to 2.6: one MT19937 output seeds MKL's MCG31 for the tensor
};

// The elements that the dropout layers of a model keep in one batch. A mask is drawn for the whole
// batch as soon as the first part of it asks, so that a batch computed in parts, even on several
// threads, keeps what PyTorch keeps of the whole one.
class DropoutMasks {
 public:
  explicit DropoutMasks(DropoutStream stream = DropoutStream::mt) : stream_(stream) {}

  // The next masks are for `rows` samples and drawn from `generator`, which must outlive them.
  void start_batch(Generator& generator, index rows);

  // The mask of the batch's samples first_row, first_row + 1, ... in dropout layer number `layer`,
  // counted in forward order, whose input has `columns` elements a sample.
  MaskView mask(int layer, index first_row, index columns, double drop_probability);

 private:
  DropoutStream stream_;
  Generator* generator_ = nullptr;
  index rows_ = 0;
  std::deque<std::vector<std::uint64_t>> masks_;  // kept between batches for their memory
  std::size_t drawn_ = 0;
  std::mutex mutex_;
};

// Bits for `count` elements, each kept with probability 1 - p.
void draw_mask(Generator& generator, DropoutStream stream, double p, index count,
               std::vector<std::uint64_t>& words);

}  // namespace nn
