#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/tokenizers/tokenizer.h"
#include "nn/base/file.h"

// The files in which open_tokens keeps token ids.
namespace data {

// The origin of the ids. If any of this has changed, they are stale.
struct TokenSource {
  std::uint64_t text_bytes = 0;
  std::int64_t text_time = 0;  // of its last change, in ns
  std::uint32_t tokenizer_checksum = 0;
  friend bool operator==(const TokenSource&, const TokenSource&) = default;
};

// Passes on the stories of a text as the parts of a cache file, of about 1 MB each. Throws
// nn::InputError if there are none, or with the number of a line that is not UTF-8. `name` is the
// name of the text in messages.
void encode_stories(std::string_view text, const std::string& name, const Tokenizer& tokenizer,
                    const TokenSource& source, const nn::Append& append);

struct CachedTokens {
  std::span<const std::uint16_t> ids;  // a part of the file, all below `vocabulary`
  int vocabulary;
};

// The content of a cache file, or nothing if it is damaged or has another source. The file must be
// aligned for numbers.
std::optional<CachedTokens> parse_tokens(std::span<const std::byte> file,
                                         const TokenSource& source);

}  // namespace data
