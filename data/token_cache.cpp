#include "data/token_cache.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <vector>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

// A cache file is this and then the ids.
struct Header {
  char magic[8] = {'T', 'o', 'k', 'e', 'n', 's', ' ', '1'};  // the last one counts versions
  std::uint64_t text_bytes = 0;
  std::int64_t text_time = 0;
  std::uint32_t tokenizer_checksum = 0;
  std::uint32_t vocabulary = 0;
  std::uint64_t count = 0;
  std::uint64_t checksum = 0;  // of all other fields and the ids

  Header() = default;
  explicit Header(const TokenSource& source)
      : text_bytes(source.text_bytes),
        text_time(source.text_time),
        tokenizer_checksum(source.tokenizer_checksum) {}
  TokenSource source() const { return {text_bytes, text_time, tokenizer_checksum}; }
};
static_assert(sizeof(Header) == 48, "no padding that a checksum would see");

std::uint32_t checksum(Header header, std::span<const std::byte> ids) {
  header.checksum = 0;
  return nn::crc32c(ids, nn::crc32c(std::as_bytes(std::span(&header, 1))));
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

std::string encode_stories(std::string_view text, const std::string& name,
                           const Tokenizer& tokenizer, const TokenSource& source) {
  require_text(text, name);
  Header header(source);
  std::string content(sizeof header, '\0');
  std::vector<std::uint16_t> narrow;
  each_story(text, [&](std::string_view story) {
    const std::vector<int> ids = tokenizer.encode(story);
    narrow.assign(ids.begin(), ids.end());
    narrow.push_back(tokenizer.end_of_text());
    content.append(reinterpret_cast<const char*>(narrow.data()), 2 * narrow.size());
  });
  const auto ids = std::as_bytes(std::span(content)).subspan(sizeof header);
  if (ids.empty())
    throw nn::InputError(nn::concat(name, ": there is no story in it"),
                         "the text must be a UTF-8 file that is not empty");
  header.vocabulary = static_cast<std::uint32_t>(tokenizer.vocabulary());
  header.count = ids.size() / 2;
  header.checksum = checksum(header, ids);
  std::memcpy(content.data(), &header, sizeof header);
  return content;
}

std::optional<CachedTokens> parse_tokens(std::span<const std::byte> file,
                                         const TokenSource& source) {
  Header header;
  if (file.size() < sizeof header) return {};
  std::memcpy(&header, file.data(), sizeof header);
  const std::span<const std::byte> bytes = file.subspan(sizeof header);
  if (std::memcmp(header.magic, Header().magic, sizeof header.magic) != 0 ||
      header.source() != source || bytes.size() % 2 != 0 || header.count != bytes.size() / 2 ||
      header.checksum != checksum(header, bytes))
    return {};
  const std::span ids(reinterpret_cast<const std::uint16_t*>(bytes.data()), header.count);
  const auto is_known = [&](std::uint16_t id) { return id < header.vocabulary; };
  if (header.vocabulary > INT_MAX || !std::ranges::all_of(ids, is_known)) return {};
  return CachedTokens{ids, static_cast<int>(header.vocabulary)};
}

}  // namespace data
