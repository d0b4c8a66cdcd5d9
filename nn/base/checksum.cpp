#include "nn/base/checksum.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace nn {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // 0x1EDC6F41 with its bits reversed

// tables[k][b]: the effect of byte b on the checksum k bytes later ("slicing by 8").
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> result{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
    result[0][byte] = crc;
  }
  for (int later = 1; later < 8; ++later) {
    for (int byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = result[later - 1][byte];
      result[later][byte] = (crc >> 8) ^ result[0][crc & 255];
    }
  }
  return result;
}();

}  // namespace

std::uint32_t crc32c_plain(std::span<const std::byte> bytes, std::uint32_t before) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  std::uint32_t crc = ~before;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    crc ^= at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^ tables[5][crc >> 16 & 255] ^
          tables[4][crc >> 24] ^ tables[3][at(4)] ^ tables[2][at(5)] ^ tables[1][at(6)] ^
          tables[0][at(7)];
  }
  for (; !bytes.empty(); bytes = bytes.subspan(1)) {
    crc = (crc >> 8) ^ tables[0][(crc ^ at(0)) & 255];
  }
  return ~crc;
}

#ifdef __SSE4_2__
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint64_t crc = ~before;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (std::byte byte : bytes) rest = _mm_crc32_u8(rest, std::to_integer<std::uint8_t>(byte));
  return ~rest;
}
#else
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  return crc32c_plain(bytes, before);
}
#endif

}  // namespace nn
