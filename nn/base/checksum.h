#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nn {

// CRC-32C (Castagnoli). The checksum of b appended to a is crc32c(b, crc32c(a)).
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

// The same without the processor's CRC instruction. Used on other machines, and as the reference in
// the tests.
std::uint32_t crc32c_plain(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace nn
