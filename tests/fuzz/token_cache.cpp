// A cache file of token ids. Its checksum and source are corrected, so that the code behind them is
// reached; a damaged checksum must be noticed.

#include "data/text/token_cache.h"

#include <cstring>
#include <vector>

#include "nn/base/checksum.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t trailer = 48;
  std::vector<std::uint8_t> copy(data, data + size);
  const auto bytes = std::as_bytes(std::span(copy));
  data::TokenSource source;
  fuzz::try_to([&] { data::parse_tokens(bytes, source); });
  if (size < trailer) return 0;
  const std::size_t source_at = size - trailer + 8, checksum_at = size - 8;
  std::memcpy(&source.text_bytes, &copy[source_at], 8);
  std::memcpy(&source.text_time, &copy[source_at + 8], 8);
  std::memcpy(&source.tokenizer_checksum, &copy[source_at + 16], 4);
  std::uint64_t checksum = 0;
  std::memcpy(&copy[checksum_at], &checksum, 8);
  checksum = nn::crc32c(bytes);
  std::memcpy(&copy[checksum_at], &checksum, 8);
  fuzz::try_to([&] {
    const auto tokens = data::parse_tokens(bytes, source);
    if (!tokens) return;
    fuzz::expect(trailer + tokens->ids.size_bytes() == size, "the ids are the rest of the file");
    for (const int id : tokens->ids) fuzz::expect(id < tokens->vocabulary, "ids are known");
    copy[0] ^= 1;
    fuzz::expect(!data::parse_tokens(bytes, source), "damage is noticed");
  });
  return 0;
}
