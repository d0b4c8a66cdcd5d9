#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace data {

// Two pieces that make a third when they stand side by side.
struct Merge {
  int left;
  int right;
  int merged;
};

// A vocabulary of SentencePiece's BPE kind, as Hugging Face's tokenizer.json holds it.
struct Vocabulary {
  enum class Kind : unsigned char { normal, byte, control };

  std::vector<std::string> pieces;  // by id; at most 65,536
  std::vector<Kind> kinds;          // by id; only a normal piece is found in text
  std::vector<int> byte_ids;        // [256]: the piece of a byte that no normal piece covers

  // Best first, those that make the same piece next to each other. Any two normal pieces that
  // together spell a normal piece are among them.
  std::vector<Merge> merges;
};

// What SentencePiece writes for a space.
constexpr std::string_view space_symbol = "\xE2\x96\x81";  // U+2581

// Throws nn::InputError if the file is damaged, or if Hugging Face would read it in another way
// than SentencePiece reads the model it was made from.
Vocabulary read_vocabulary(const std::filesystem::path& tokenizer_json);

// The same from memory; complaints call it `name`.
Vocabulary parse_vocabulary(std::string_view tokenizer_json, const std::string& name);

}  // namespace data
