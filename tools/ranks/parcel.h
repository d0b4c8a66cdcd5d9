#pragma once

#include <span>
#include <string>
#include <vector>

#include "fl/workers/executor.h"

// A client's assignment, and what its training gave, as bytes of a message.
namespace ranks {

// Without the weights and what is broadcast: they are the same for all clients of a version, and
// travel by themselves.
std::string to_bytes(const fl::Assignment& assignment);
std::string to_bytes(const fl::Trained& trained);

// With the numbers that the fields of `value` refer to.
template <class Value>
struct Parcel {
  Value value;
  std::vector<nn::real> numbers;
};

// Throw nn::Error for bytes that none of the above has made.
Parcel<fl::Assignment> assignment_of(std::span<const std::byte> bytes);
Parcel<fl::Trained> trained_of(std::span<const std::byte> bytes);

}  // namespace ranks
