#include "nn/models/key_value_cache.h"

#include "nn/base/error.h"
#include "nn/tensor.h"

namespace nn {

void KeyValueCache::append(ConstView keys, ConstView values) {
  const index n = keys.shape.rows();
  require(keys.shape == Shape{n, columns_} && values.shape == keys.shape, "cache: keys ",
          keys.shape, " and values ", values.shape, " do not have rows of ", columns_);
  require(length() + n <= most_, "cache: a sequence of ", length() + n, " tokens is longer than ",
          most_);
  keys_.insert(keys_.end(), keys.begin(), keys.end());
  values_.insert(values_.end(), values.begin(), values.end());
}

void KeyValueCache::clear() {
  keys_.clear();
  values_.clear();
}

}  // namespace nn
