#include "fl/secure_sum/keys.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "nn/base/error.h"

namespace fl {

Secret random_secret() {
  nn::require(sodium_init() >= 0, "libsodium cannot be initialised");
  Secret secret;
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

KeyPair make_keys() {
  KeyPair keys{random_secret(), {}};
  crypto_scalarmult_base(keys.public_key.data(), keys.secret_key.data());
  return keys;
}

Secret agree(const Secret& own_key, const Secret& other_public) {
  Secret point, seed;
  nn::require(crypto_scalarmult(point.data(), own_key.data(), other_public.data()) == 0,
              "secure sum: a public key is not valid");
  crypto_generichash(seed.data(), seed.size(), point.data(), point.size(), nullptr, 0);
  return seed;
}

void add_mask(std::span<std::uint64_t> values, const Secret& seed, Sign sign) {
  constexpr std::array<unsigned char, crypto_stream_chacha20_NONCEBYTES> nonce{};
  std::array<std::uint64_t, 1024> zeros{}, stream;  // whole blocks of 64 bytes
  for (std::uint64_t block = 0; !values.empty(); block += sizeof stream / 64) {
    crypto_stream_chacha20_xor_ic(reinterpret_cast<unsigned char*>(stream.data()),
                                  reinterpret_cast<const unsigned char*>(zeros.data()),
                                  sizeof stream, nonce.data(), block, seed.data());
    const std::size_t count = std::min(values.size(), stream.size());
    for (std::size_t i = 0; i < count; ++i)
      values[i] += sign == Sign::plus ? stream[i] : -stream[i];
    values = values.subspan(count);
  }
}

}  // namespace fl
