#pragma once

#include "nn/tensor.h"

namespace nn {

// Rows or columns of a product.
struct Range {
  index begin, end;

  index size() const { return end - begin; }
  Range part(index i, index count) const {
    return {begin + size() * i / count, begin + size() * (i + 1) / count};
  }
  // The same in whole steps, except for the last part, which is the longest.
  Range steps(index step, index i, index count) const {
    const index all = size() / step;
    return {begin + all * i / count * step,
            i + 1 == count ? end : begin + all * (i + 1) / count * step};
  }
};

}  // namespace nn
