#include "data/text/token_cache.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <vector>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

// A cache file is the ids and then this, which is known once they are written.
struct Trailer {
  char magic[8] = {'T', 'o', 'k', 'e', 'n', 's', ' ', '2'};  // the last one counts versions
  std::uint64_t text_bytes = 0;
  std::int64_t text_time = 0;
  std::uint32_t tokenizer_checksum = 0;
  std::uint32_t vocabulary = 0;
  std::uint64_t count = 0;
  std::uint64_t checksum = 0;  // of all other fields and the ids

  Trailer() = default;
  explicit Trailer(const TokenSource& source)
      : text_bytes(source.text_bytes),
        text_time(source.text_time),
        tokenizer_checksum(source.tokenizer_checksum) {}
  TokenSource source() const { return {text_bytes, text_time, tokenizer_checksum}; }
};
static_assert(sizeof(Trailer) == 48, "no padding that a checksum would see");

std::uint32_t checksum(std::uint32_t ids, Trailer trailer) {
  trailer.checksum = 0;
  return nn::crc32c(std::as_bytes(std::span(&trailer, 1)), ids);
}

void require_text(std::string_view text, const std::string& name) {
  std::size_t line = 1;
  while (!text.empty()) {
    const int length = nn::utf8_length(text);
    if (length == 0 || text[0] == '\0')
      throw nn::InputError(
          nn::concat(name, ": line ", line, length == 0 ? " is not UTF-8" : " has a zero byte"),
          "the text must be a UTF-8 file: stories separated by <|endoftext|>, or one per line");
    line += text[0] == '\n';
    text.remove_prefix(length);
  }
}

template <class Function>
void each_story(std::string_view text, Function f) {
  constexpr std::string_view end_of_story = "<|endoftext|>", white_space = " \t\r\n\v\f",
                             byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const bool is_marked = text.find(end_of_story) != std::string_view::npos;
  const std::string_view separator = is_marked ? end_of_story : "\n";
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(separator), text.size());
    std::string_view story = text.substr(0, size);
    story.remove_prefix(std::min(story.find_first_not_of(white_space), story.size()));
    story = story.substr(0, story.find_last_not_of(white_space) + 1);
    if (!story.empty()) f(story);
    text.remove_prefix(std::min(size + separator.size(), text.size()));
  }
}

}  // namespace

void encode_stories(std::string_view text, const std::string& name, const Tokenizer& tokenizer,
                    const TokenSource& source, const nn::Append& append) {
  require_text(text, name);
  Trailer trailer(source);
  std::uint32_t ids_checksum = 0;
  std::vector<std::uint16_t> ids;  // of a few stories
  const auto flush = [&] {
    const auto bytes = std::as_bytes(std::span(ids));
    append({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    ids_checksum = nn::crc32c(bytes, ids_checksum);
    trailer.count += ids.size();
    ids.clear();
  };
  each_story(text, [&](std::string_view story) {
    const std::vector<int> wide = tokenizer.encode(story);
    ids.insert(ids.end(), wide.begin(), wide.end());
    ids.push_back(tokenizer.end_of_text());
    if (ids.size() >= (1 << 19)) flush();
  });
  flush();
  if (trailer.count == 0)
    throw nn::InputError(nn::concat(name, ": there is no story in it"),
                         "the text must be a UTF-8 file that is not empty");
  trailer.vocabulary = static_cast<std::uint32_t>(tokenizer.vocabulary());
  trailer.checksum = checksum(ids_checksum, trailer);
  append({reinterpret_cast<const char*>(&trailer), sizeof trailer});
}

std::optional<CachedTokens> parse_tokens(std::span<const std::byte> file,
                                         const TokenSource& source) {
  Trailer trailer;
  if (file.size() < sizeof trailer) return {};
  const std::span<const std::byte> bytes = file.first(file.size() - sizeof trailer);
  std::memcpy(&trailer, file.last(sizeof trailer).data(), sizeof trailer);
  if (std::memcmp(trailer.magic, Trailer().magic, sizeof trailer.magic) != 0 ||
      trailer.source() != source || bytes.size() % 2 != 0 || trailer.count != bytes.size() / 2 ||
      trailer.checksum != checksum(nn::crc32c(bytes), trailer))
    return {};
  const std::span ids(reinterpret_cast<const std::uint16_t*>(bytes.data()), trailer.count);
  const auto is_known = [&](std::uint16_t id) { return id < trailer.vocabulary; };
  if (trailer.vocabulary > INT_MAX || !std::ranges::all_of(ids, is_known)) return {};
  return CachedTokens{ids, static_cast<int>(trailer.vocabulary)};
}

}  // namespace data
