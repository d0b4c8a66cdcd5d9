#pragma once

#include <vector>

#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

// The keys and values of a layer for the tokens of one sequence, for later tokens to attend to.
class KeyValueCache {
 public:
  // For at most `most` tokens, with rows of `columns` numbers: the key/value heads side by side.
  KeyValueCache(index columns, index most) : columns_(columns), most_(most) {}

  // [length, columns], valid until the next append()
  ConstView keys() const { return {keys_.data(), {length(), columns_}}; }
  ConstView values() const { return {values_.data(), {length(), columns_}}; }
  index length() const { return static_cast<index>(keys_.size()) / columns_; }

  // Both [n, columns]. Throws Error if there is no room for n more tokens.
  void append(ConstView keys, ConstView values);
  void clear();

 private:
  index columns_, most_;
  std::vector<real> keys_, values_;
};

}  // namespace nn
