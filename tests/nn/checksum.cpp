#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "nn/base/checksum.h"

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("crc32c gives the published checksums") {
  const std::string zeros(32, '\0'), ones(32, '\xff');  // RFC 3720, appendix B.4
  for (auto* crc : {nn::crc32c, nn::crc32c_plain}) {
    CHECK(crc({}, 0) == 0);
    CHECK(crc(bytes_of("123456789"), 0) == 0xE3069283);
    CHECK(crc(bytes_of(zeros), 0) == 0x8A9136AA);
    CHECK(crc(bytes_of(ones), 0) == 0x62A8AB43);
  }
}

TEST_CASE("the fast and the plain crc32c agree at every length and alignment") {
  std::vector<std::byte> bytes(100);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i * 37 + 11);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t length = 0; length <= bytes.size() - begin; ++length) {
      const auto part = std::span(bytes).subspan(begin, length);
      REQUIRE(nn::crc32c(part) == nn::crc32c_plain(part));
    }
  }
}

TEST_CASE("crc32c continues where it stopped") {
  const auto whole = bytes_of("pack my box with five dozen liquor jugs");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const std::uint32_t before = nn::crc32c(whole.first(cut));
    CHECK(nn::crc32c(whole.subspan(cut), before) == nn::crc32c(whole));
    CHECK(nn::crc32c_plain(whole.subspan(cut), before) == nn::crc32c(whole));
  }
}

}  // namespace
