#include "data/text/tokens.h"

#include <algorithm>
#include <optional>

#include "data/text/token_cache.h"
#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/vocabulary.h"
#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/folder_lock.h"
#include "nn/base/privacy.h"

namespace data {
namespace {

using std::filesystem::path;

bool is_open_to_others(const path& file) {
  using enum std::filesystem::perms;
  return (std::filesystem::status(file).permissions() & (group_all | others_all)) != none;
}

// Nothing if the file is stale, damaged, or open to more readers than it should be.
std::optional<TokenFile> map_tokens(const path& cache_file, const TokenSource& source,
                                    nn::Readers readers) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(cache_file, error)) return {};
  if (readers == nn::Readers::owner && is_open_to_others(cache_file)) return {};
  MappedFile file(cache_file);
  const auto tokens = parse_tokens(file.bytes(), source);
  if (!tokens) return {};
  return TokenFile(std::move(file), tokens->ids, tokens->vocabulary);
}

// Each text and tokenizer has a file of its own: using two alternately encodes neither again.
path cache_name(const path& text, const TokenSource& source) {
  const std::string name = std::filesystem::absolute(text).lexically_normal().string();
  const auto key = nn::crc32c(std::as_bytes(std::span(name)), source.tokenizer_checksum);
  return nn::concat(text.stem().string(), '-', std::hex, key, ".tokens");
}

}  // namespace

TokenFile open_tokens(const path& text, const path& tokenizer_json, const path& cache) {
  const MappedFile content(text);
  TokenSource source;
  source.text_bytes = content.text().size();
  source.text_time =
      std::filesystem::last_write_time(text).time_since_epoch() / std::chrono::nanoseconds(1);
  if (!tokenizer_json.empty()) {
    const std::string vocabulary = tokenizer_json_text(tokenizer_json);
    source.tokenizer_checksum = nn::crc32c(std::as_bytes(std::span(vocabulary)));
  }

  const path file = cache / cache_name(text, source);
  const auto readers = nn::is_private(text) ? nn::Readers::owner : nn::Readers::everyone;
  if (auto tokens = map_tokens(file, source, readers)) return std::move(*tokens);
  const nn::FolderLock lock(cache);
  if (auto tokens = map_tokens(file, source, readers)) return std::move(*tokens);
  const auto tokenizer = open_tokenizer(tokenizer_json);
  nn::write_file_atomically(
      file,
      [&](const nn::Append& append) {
        encode_stories(content.text(), text.string(), *tokenizer, source, append);
      },
      readers);
  if (readers == nn::Readers::owner && is_open_to_others(file)) {
    std::filesystem::remove(file);
    throw nn::InputError(nn::concat(cache.string(), " cannot keep files private, as the text is"),
                         "choose a folder on a file system that has permissions");
  }
  auto tokens = map_tokens(file, source, readers);
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

SplitWindows split_windows(std::span<const std::uint16_t> ids, int length, double share) {
  const Windows all(ids, length);
  if (share == 0) return {all, std::nullopt};
  const auto held_out = static_cast<std::int64_t>(share * static_cast<double>(all.count()));
  if (held_out == 0 || held_out >= all.count())
    throw nn::InputError(nn::concat("a share of ", share, " of the text's ", all.count(),
                                    " windows is ", held_out, " windows to hold out"),
                         "choose another --held-out, or a longer text");
  const std::size_t first = (all.count() - held_out) * length;
  return {Windows(ids.first(first), length), Windows(ids.subspan(first), length)};
}

}  // namespace data
