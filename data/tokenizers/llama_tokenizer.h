#pragma once

#include <array>
#include <unordered_map>

#include "data/tokenizers/merge_table.h"
#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/vocabulary.h"

namespace data {

// Byte-pair encoding as SentencePiece does it: repeats the best merge of two neighbours, the
// leftmost of equals, until no two of them merge.
class LlamaTokenizer : public Tokenizer {
 public:
  // The vocabulary must have the scheme sentencepiece.
  explicit LlamaTokenizer(Vocabulary vocabulary);

  std::vector<int> encode(std::string_view text) const override;
  std::string decode(std::span<const int> ids) const override;
  int vocabulary() const override { return static_cast<int>(vocabulary_.tokens.size()); }
  int end_of_text() const override { return end_id; }

 private:
  // The token for this one character, or unknown_id.
  int find_character(std::string_view character) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<int, 128> ascii_{};
  std::unordered_map<std::string_view, int> characters_;  // views of vocabulary_.tokens
  bool spaces_start_words_ = true;  // no token has a space after another character
};

}  // namespace data
