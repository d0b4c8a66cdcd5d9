#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace data {

// Text to token ids and back. Safe to use from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Any bytes will do; the ids have no begin_id or end_id around them.
  virtual std::vector<int> encode(std::string_view text) const = 0;

  // Always UTF-8: bytes that are not become U+FFFD. Ids must be below vocabulary(). The text of the
  // first n ids is, but for such bytes at its end, a beginning of the text of more.
  virtual std::string decode(std::span<const int> ids) const = 0;

  virtual int vocabulary() const = 0;

  static constexpr int unknown_id = 0, begin_id = 1, end_id = 2;
};

// The vocabulary of a Llama model in Hugging Face's format: pieces that are merged pair by pair,
// with byte fallback. Encodes and decodes as SentencePiece does: text that spells a control piece,
// such as "</s>", is just text. Throws nn::InputError if the file is not that.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& tokenizer_json);

// One id for each byte, 3 + byte: a vocabulary of 259.
std::unique_ptr<Tokenizer> byte_tokenizer();

// load_tokenizer of the file, or byte_tokenizer if its name is empty.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& tokenizer_json);

}  // namespace data
