#pragma once

#include "data/tokenizers/merge_table.h"
#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/vocabulary.h"

namespace data {

// GPT-2's byte-level byte-pair encoding (Radford et al. 2019): first_word cuts the text
// into words, and the bytes of each word are merged. Ids are those of Hugging Face's library. Text
// that is not UTF-8, which the library does not accept, is encoded byte by byte.
class ByteLevelTokenizer : public Tokenizer {
 public:
  // The vocabulary must have the scheme byte_level.
  explicit ByteLevelTokenizer(Vocabulary vocabulary);

  std::vector<int> encode(std::string_view text) const override;
  std::string decode(std::span<const int> ids) const override;
  int vocabulary() const override { return static_cast<int>(vocabulary_.tokens.size()); }
  int end_of_text() const override { return vocabulary_.end_of_text; }

  // The bytes that the ids stand for: bytes(encode(x)) is x for every x, UTF-8 or not.
  std::string bytes(std::span<const int> ids) const;

 private:
  Vocabulary vocabulary_;
  MergeTable merges_;
};

}  // namespace data
