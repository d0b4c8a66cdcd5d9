#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

// Bit i of a mask is set if element i is kept.
struct MaskView {
  const std::uint64_t* words = nullptr;
  index first = 0;
  bool operator[](index i) const { return words[(first + i) >> 6] >> ((first + i) & 63) & 1; }
};

// The two random streams from which versions of PyTorch draw dropout masks on a CPU.
enum class DropoutStream {
  mt,   // PyTorch 2.7 and later, and every build without MKL: two MT19937 outputs per element
  mkl,  // Linux and Windows wheels up to 2.6: one MT19937 output seeds MKL's MCG31 for the tensor
};

// The elements that a model's dropout layers keep in one batch. A mask is drawn for the whole batch
// when its first part asks for it. So a batch computed in parts, even on several threads, keeps the
// same elements as PyTorch keeps for the whole batch.
class DropoutMasks {
 public:
  explicit DropoutMasks(DropoutStream stream = DropoutStream::mt) : stream_(stream) {}

  // The next masks cover `rows` samples and are drawn from `generator`, which must outlive them.
  void start_batch(Generator& generator, index rows);

  // The mask for samples first_row, first_row + 1, ... of the batch in dropout layer `layer`,
  // counted in forward order from 0. The layer's input has `columns` elements per sample. Throws
  // Error if an earlier layer has not asked yet.
  MaskView mask(int layer, index first_row, index columns, double drop_probability);

 private:
  DropoutStream stream_;
  Generator* generator_ = nullptr;
  index rows_ = 0;
  std::deque<std::vector<std::uint64_t>> masks_;  // kept between batches to reuse their memory
  std::size_t drawn_ = 0;
  std::mutex mutex_;
};

// Fills `words` with one bit for each of `count` elements, set with probability 1 - p.
void draw_mask(Generator& generator, DropoutStream stream, double p, index count,
               std::vector<std::uint64_t>& words);

}  // namespace nn
