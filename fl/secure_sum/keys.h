#pragma once

#include <cstdint>
#include <span>

#include "fl/secure_sum/shamir.h"

namespace fl {

// X25519 (RFC 7748), from libsodium.
struct KeyPair {
  Secret secret_key{}, public_key{};
};
KeyPair make_keys();
Secret random_secret();

// The seed that two parties agree on, each from its own secret key and the other's public one.
Secret agree(const Secret& own_key, const Secret& other_public);

enum class Sign { plus, minus };

// Adds or subtracts the ChaCha20 stream of the seed, eight bytes a number, modulo 2^64.
void add_mask(std::span<std::uint64_t> values, const Secret& seed, Sign sign);

}  // namespace fl
