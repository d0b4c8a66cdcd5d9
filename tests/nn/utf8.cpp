#include "nn/base/utf8.h"

#include <doctest/doctest.h>

namespace {

// By the table of RFC 3629, even for surrogates and numbers that are too large.
std::string encoded(std::uint32_t code) {
  const auto tail = [code](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  const auto lead = [code](int mark, int shift) { return static_cast<char>(mark | code >> shift); };
  if (code < 0x80) return {lead(0, 0)};
  if (code < 0x800) return {lead(0xC0, 6), tail(0)};
  if (code < 0x10000) return {lead(0xE0, 12), tail(6), tail(0)};
  return {lead(0xF0, 18), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("every code point but surrogates is read as it was written, whatever follows") {
  int wrong = 0;
  for (std::uint32_t code = 0; code < 0x120000; ++code) {
    const std::string text = encoded(code);
    const bool is_character = (code < 0xD800 || code > 0xDFFF) && code <= 0x10FFFF;
    for (const char* rest : {"", "\x80", "a"}) {
      const auto [bytes, read] = nn::first_character(text + rest);
      wrong += is_character ? bytes != static_cast<int>(text.size()) || read != code : bytes != 0;
    }
    for (std::size_t cut = 1; cut < text.size();
         ++cut) {  // the last byte is missing, or is not one
      wrong += nn::utf8_length(text.substr(0, cut)) != 0;
      wrong += nn::utf8_length(text.substr(0, cut) + "a") != 0;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("overlong forms, stray bytes and nothing are not characters") {
  for (const char* text :
       {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xff"})
    CHECK(nn::utf8_length(text) == 0);
  CHECK(nn::to_utf8("a\xff\xc3\xa9\xe2\x82") == "a\uFFFDé\uFFFD\uFFFD");
}
