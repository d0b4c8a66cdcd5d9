#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizers/merge_table.h"

namespace data {

// A vocabulary for byte-pair encoding: the content of Hugging Face's tokenizer.json.
struct Vocabulary {
  // SentencePiece's, of Llama models: merges characters, and spells others in bytes. GPT-2's:
  // merges bytes within words.
  enum class Scheme : unsigned char { sentencepiece, byte_level };
  enum class Kind : unsigned char { normal, byte, control };

  Scheme scheme = Scheme::sentencepiece;
  std::vector<std::string> tokens;  // by id; at most 65,536; byte_level: the bytes they stand for
  std::vector<Kind> kinds;          // by id; only a normal token is found in text
  std::vector<int> byte_ids;        // [256]: the token of a byte that no normal token covers
  int end_of_text = 0;              // its id

  // By rank. sentencepiece: merges into one token have one rank, and any two normal tokens that
  // together spell a normal token are among them. byte_level: each has a rank of its own.
  std::vector<Merge> merges;
};

// SentencePiece's character for a space.
constexpr std::string_view space_symbol = "\xE2\x96\x81";  // U+2581

// Ends GPT-2's texts, and is encoded as one token wherever it occurs.
constexpr const char* end_of_text_token = "<|endoftext|>";

// From a tokenizer.json, or from a folder with GPT-2's encoder.json and vocab.bpe. The file
// determines the scheme. Throws nn::InputError if it is damaged, or if Hugging Face's library would
// encode differently from SentencePiece with the original model.
Vocabulary read_vocabulary(const std::filesystem::path& tokenizer_json);

// The same, from the text of a tokenizer.json with this name in error messages.
Vocabulary parse_vocabulary(std::string_view tokenizer_json, const std::string& name);

// The text of the file, or that of the tokenizer.json which Hugging Face makes of the folder's two
// files. Throws nn::InputError.
std::string tokenizer_json_text(const std::filesystem::path& tokenizer_json);

}  // namespace data
