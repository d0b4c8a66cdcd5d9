#include "pipeline/mailbox/transport.h"

#include <bit>

#include "nn/base/error.h"

namespace pipeline {

void Strangers::add(const std::string& what) {
  const int count = ++counts[what];
  if (std::has_single_bit(static_cast<unsigned>(count)))
    on_stranger(nn::concat(what, ", ", count, " so far"));
}

}  // namespace pipeline
