#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "data/mapped_file.h"

namespace data {

// Training text as token ids, in a memory-mapped file: the stories one after the other, each
// followed by Tokenizer::end_of_text(). Movable; spans of ids live as long as it does.
class TokenFile {
 public:
  // The ids are a part of the file, all below `vocabulary`.
  TokenFile(MappedFile file, std::span<const std::uint16_t> ids, int vocabulary)
      : file_(std::move(file)), ids_(ids), vocabulary_(vocabulary) {}

  std::span<const std::uint16_t> ids() const { return ids_; }
  int vocabulary() const { return vocabulary_; }

 private:
  MappedFile file_;
  std::span<const std::uint16_t> ids_;
  int vocabulary_;
};

// The stories of a UTF-8 text file: separated by <|endoftext|> if the file contains it, otherwise
// one per line. White space around stories is dropped, and so are empty ones. The ids are encoded
// once, into a file in the folder `cache`, which is mapped from then on. If text or tokenizer has
// changed or the file is damaged, one process encodes again while others wait. If the text is
// private (nn::is_private), only its owner can read the file. tokenizer_json is that of
// open_tokenizer. Throws nn::InputError, with the number of a line that is not UTF-8.
TokenFile open_tokens(const std::filesystem::path& text,
                      const std::filesystem::path& tokenizer_json,
                      const std::filesystem::path& cache);

// Token ids cut into windows of `length` without overlap. An incomplete last window is dropped.
class Windows {
 public:
  // Throws nn::InputError if the ids, which must outlive it, do not fill one window.
  Windows(std::span<const std::uint16_t> ids, int length);

  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()) / length_; }
  int length() const { return length_; }

  // ids[length] of the window modulo count(): reading never reaches an end.
  void copy(std::int64_t window, std::span<int> ids) const;

 private:
  std::span<const std::uint16_t> ids_;
  int length_;
};

// The text's windows, of which the last `share`, rounded down, are held out from training.
struct SplitWindows {
  Windows training;
  std::optional<Windows> held_out;  // with a share above 0
};
// Throws nn::InputError if no window is left for training, or none is held out.
SplitWindows split_windows(std::span<const std::uint16_t> ids, int length, double share);

}  // namespace data
