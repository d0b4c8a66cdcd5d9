#pragma once

#include <vector>

#include "nn/tensor.h"

namespace nn {

// What a layer keeps of the tokens of one sequence so far, so that later ones can attend to them.
class KeyValueCache {
 public:
  // For rows of `columns` numbers, the key/value heads one after the other, of at most `most`
  // tokens.
  KeyValueCache(index columns, index most) : columns_(columns), most_(most) {}

  // [length, columns], until the next append()
  ConstView keys() const { return {keys_.data(), {length(), columns_}}; }
  ConstView values() const { return {values_.data(), {length(), columns_}}; }
  index length() const { return static_cast<index>(keys_.size()) / columns_; }

  // [n, columns] each. Throws Error if more tokens come than there is room for.
  void append(ConstView keys, ConstView values);
  void clear();

 private:
  index columns_, most_;
  std::vector<real> keys_, values_;
};

}  // namespace nn
