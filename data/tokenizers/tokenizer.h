#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace data {

struct Vocabulary;

// Text to token ids and back. Safe to use from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Accepts any bytes. Adds no begin_id or end_id.
  virtual std::vector<int> encode(std::string_view text) const = 0;

  // Always UTF-8: other bytes become U+FFFD. Ids must be below vocabulary(). Apart from such bytes
  // at its end, the text of the first n ids is a prefix of the text of more.
  virtual std::string decode(std::span<const int> ids) const = 0;

  virtual int vocabulary() const = 0;

  // The id that ends a text, and each story in it.
  virtual int end_of_text() const = 0;

  // Of Llama models and of byte_tokenizer().
  static constexpr int unknown_id = 0, begin_id = 1, end_id = 2;
};

// The tokenizer of a tokenizer.json in Hugging Face's format, of one of two kinds:
// - a Llama model's: merges of characters, with byte fallback. Encodes and decodes as SentencePiece
//   does: text that spells a control token, such as "</s>", is just text.
// - GPT-2's: byte-level merges. Encodes as Hugging Face does: "<|endoftext|>" in a text is the id
//   that ends one. A folder with OpenAI's own files, encoder.json and vocab.bpe, is accepted, too.
// Throws nn::InputError if the file is neither.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& tokenizer_json);

// The same, from a vocabulary in memory.
std::unique_ptr<Tokenizer> make_tokenizer(Vocabulary vocabulary);

// One id for each byte, 3 + byte: a vocabulary of 259.
std::unique_ptr<Tokenizer> byte_tokenizer();

// load_tokenizer of the path, or byte_tokenizer if it is empty.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& tokenizer_json);

}  // namespace data
