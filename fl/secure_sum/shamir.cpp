#include "fl/secure_sum/shamir.h"

#include <sodium.h>

#include "nn/base/error.h"

namespace fl {

namespace {

// In GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1, where adding is ^. The time does not
// depend on the factors.
std::uint8_t multiply(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0, shifted = a;
  for (int bit = 0; bit < 8; ++bit) {
    product ^= shifted & -((b >> bit) & 1u);
    shifted = (shifted << 1) ^ (0x11b & -(shifted >> 7));
  }
  return static_cast<std::uint8_t>(product);
}

// a^254, as a^255 = 1.
std::uint8_t inverse(std::uint8_t a) {
  std::uint8_t power = 1;
  for (int i = 0; i < 254; ++i) power = multiply(power, a);
  return power;
}

}  // namespace

std::vector<Share> split_secret(const Secret& secret, int threshold, int count) {
  nn::require(1 <= threshold && threshold <= count && count <= 255, "secret sharing: ", threshold,
              " of ", count, " shares");
  std::vector<Secret> coefficients(threshold);
  coefficients[0] = secret;
  for (int i = 1; i < threshold; ++i) randombytes_buf(coefficients[i].data(), secret.size());
  std::vector<Share> shares(count);
  for (int k = 0; k < count; ++k) {
    Share& share = shares[k];
    share.point = static_cast<std::uint8_t>(k + 1);
    for (std::size_t byte = 0; byte < secret.size(); ++byte)  // Horner's scheme
      for (int i = threshold - 1; i >= 0; --i)
        share.values[byte] = multiply(share.values[byte], share.point) ^ coefficients[i][byte];
  }
  return shares;
}

// Lagrange's interpolation at 0.
Secret recover_secret(std::span<const Share> shares) {
  Secret secret{};
  for (const Share& share : shares) {
    std::uint8_t factor = 1;
    for (const Share& other : shares)
      if (other.point != share.point)
        factor = multiply(factor, multiply(other.point, inverse(other.point ^ share.point)));
    for (std::size_t byte = 0; byte < secret.size(); ++byte)
      secret[byte] ^= multiply(factor, share.values[byte]);
  }
  return secret;
}

}  // namespace fl
