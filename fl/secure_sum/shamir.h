#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fl {

using Secret = std::array<unsigned char, 32>;

// One party's share of a secret: the values at `point` of 32 polynomials.
struct Share {
  std::uint8_t point = 0;  // from 1
  Secret values{};
};

// Shamir 1979: `threshold` of the shares give the secret, fewer say nothing about it. Byte by byte
// over GF(2^8). Throws nn::Error unless 1 <= threshold <= count <= 255.
std::vector<Share> split_secret(const Secret& secret, int threshold, int count);

// From at least `threshold` different shares.
Secret recover_secret(std::span<const Share> shares);

}  // namespace fl
