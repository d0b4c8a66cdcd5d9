#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "nn/real.h"

namespace pipeline {

// How the numbers of an outer step travel (outer_steps.h). Every code stands for a float that takes
// no rounding to decode, so all ranks decode the same bits on any machine.
struct WireFormat {
  std::string_view name;  // on the command line

  // Of so many numbers, in bytes.
  std::size_t (*size)(std::size_t count);

  // Encodes finite values and leaves in each what its code lacks: the error that is fed back into
  // the next code (Seide et al. 2014, "1-bit stochastic gradient descent").
  void (*encode)(std::span<nn::real> values, std::span<std::byte> bytes);

  // Adds the numbers to the sums.
  void (*add)(std::span<const std::byte> bytes, std::span<nn::real> sums);
};

// float   4 bytes
// half    2 bytes, IEEE 754's binary16; beyond 65504, that
// int8    1 byte: a multiple of a scale, from -127 to 127. 256 numbers share a scale, which takes 2
//         bytes: the upper half of a float, at least a 127th of the largest of them
std::span<const WireFormat> wire_format_table();

// Throws nn::InputError if there is no format of this name.
const WireFormat& wire_format_named(std::string_view name);

}  // namespace pipeline
