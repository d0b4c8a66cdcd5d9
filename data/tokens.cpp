#include "data/tokens.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "data/folder_lock.h"
#include "data/tokenizer.h"
#include "data/utf8.h"
#include "nn/checksum.h"
#include "nn/error.h"
#include "nn/file.h"

namespace data {
namespace {

using std::filesystem::path;

// A cache file is this and then the ids.
struct Header {
  char magic[8] = {'T', 'o', 'k', 'e', 'n', 's', ' ', '1'};  // the last one counts versions

  // What the ids were made from.
  std::uint64_t text_bytes = 0;
  std::int64_t text_time = 0;  // of its last change, in ns
  std::uint32_t tokenizer_checksum = 0;

  std::uint32_t vocabulary = 0;
  std::uint64_t count = 0;
  std::uint64_t checksum = 0;  // of all other fields and the ids

  bool has_source_of(const Header& other) const {
    return text_bytes == other.text_bytes && text_time == other.text_time &&
           tokenizer_checksum == other.tokenizer_checksum &&
           std::memcmp(magic, other.magic, sizeof magic) == 0;
  }
};
static_assert(sizeof(Header) == 48, "no padding that a checksum would see");

std::uint32_t checksum(Header header, std::span<const std::byte> ids) {
  header.checksum = 0;
  return nn::crc32c(ids, nn::crc32c(std::as_bytes(std::span(&header, 1))));
}

std::optional<TokenFile> map_tokens(const path& cache_file, const Header& source) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(cache_file, error)) return {};
  MappedFile file(cache_file);
  Header header;
  if (file.bytes().size() < sizeof header) return {};
  std::memcpy(&header, file.bytes().data(), sizeof header);
  const std::span<const std::byte> ids = file.bytes().subspan(sizeof header);
  if (!header.has_source_of(source) || header.count != ids.size() / 2 || ids.size() % 2 != 0 ||
      header.checksum != checksum(header, ids))
    return {};
  const auto* first = reinterpret_cast<const std::uint16_t*>(ids.data());
  return TokenFile(std::move(file), {first, header.count}, static_cast<int>(header.vocabulary));
}

void require_text(const path& file, std::string_view text) {
  std::size_t line = 1;
  while (!text.empty()) {
    const int length = utf8_length(text);
    if (length == 0 || text[0] == '\0')
      throw nn::InputError(
          nn::concat(file.string(), ": line ", line,
                     length == 0 ? " is not UTF-8" : " has a zero byte"),
          "the text must be a UTF-8 file: stories apart by <|endoftext|>, or one a line");
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

// The bytes of a cache file.
std::string encode_text(const path& file, std::string_view text, const Tokenizer& tokenizer,
                        Header header) {
  require_text(file, text);
  std::string content(sizeof header, '\0');
  std::vector<std::uint16_t> narrow;
  each_story(text, [&](std::string_view story) {
    const std::vector<int> ids = tokenizer.encode(story);
    narrow.assign(ids.begin(), ids.end());
    narrow.push_back(Tokenizer::end_id);
    content.append(reinterpret_cast<const char*>(narrow.data()), 2 * narrow.size());
  });
  const auto ids = std::as_bytes(std::span(content)).subspan(sizeof header);
  if (ids.empty())
    throw nn::InputError(nn::concat(file.string(), ": there is no story in it"),
                         "the text must be a UTF-8 file that is not empty");
  header.vocabulary = static_cast<std::uint32_t>(tokenizer.vocabulary());
  header.count = ids.size() / 2;
  header.checksum = checksum(header, ids);
  std::memcpy(content.data(), &header, sizeof header);
  return content;
}

// A name of its own for each text and tokenizer, so that two in turn do not push each other out.
path cache_name(const path& text, const Header& source) {
  const std::string name = std::filesystem::absolute(text).lexically_normal().string();
  const auto key = nn::crc32c(std::as_bytes(std::span(name)), source.tokenizer_checksum);
  return nn::concat(text.stem().string(), '-', std::hex, key, ".tokens");
}

}  // namespace

TokenFile open_tokens(const path& text, const path& tokenizer_json, const path& cache) {
  const MappedFile content(text);
  Header source;
  source.text_bytes = content.text().size();
  source.text_time =
      std::filesystem::last_write_time(text).time_since_epoch() / std::chrono::nanoseconds(1);
  if (!tokenizer_json.empty())
    source.tokenizer_checksum = nn::crc32c(MappedFile(tokenizer_json).bytes());

  const path file = cache / cache_name(text, source);
  if (auto tokens = map_tokens(file, source)) return std::move(*tokens);
  const FolderLock lock(cache);
  if (auto tokens = map_tokens(file, source)) return std::move(*tokens);
  nn::write_file_atomically(
      file, encode_text(text, content.text(), *open_tokenizer(tokenizer_json), source));
  auto tokens = map_tokens(file, source);
  if (!tokens)
    throw nn::InputError(nn::concat(file.string(), ": what was written cannot be read back"),
                         "check the disk that the folder is on");
  return std::move(*tokens);
}

Windows::Windows(std::span<const std::uint16_t> ids, int length) : ids_(ids), length_(length) {
  nn::require(length > 0, "windows: length ", length);
  if (count() == 0)
    throw nn::InputError(
        nn::concat("the text has ", ids.size(), " tokens, which do not fill a window of ", length),
        "give a longer text, or a shorter window");
}

void Windows::copy(std::int64_t window, std::span<int> ids) const {
  nn::require(window >= 0 && ids.size() == static_cast<std::size_t>(length_), "windows: window ",
              window, " into ", ids.size(), " ids, length ", length_);
  std::ranges::copy(ids_.subspan(window % count() * length_, length_), ids.begin());
}

}  // namespace data
