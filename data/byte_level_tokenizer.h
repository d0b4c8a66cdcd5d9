#pragma once

#include "data/merge_table.h"
#include "data/tokenizer.h"
#include "data/vocabulary.h"

namespace data {

// GPT-2's byte-level byte-pair encoding (Radford et al. 2019): the text is cut into words by
// first_word, and the bytes of each are merged. Ids are those of Hugging Face's library. What is
// not UTF-8 is encoded too, byte by byte; the library cannot be given it.
class ByteLevelTokenizer : public Tokenizer {
 public:
  // Of the scheme byte_level.
  explicit ByteLevelTokenizer(Vocabulary vocabulary);

  std::vector<int> encode(std::string_view text) const override;
  std::string decode(std::span<const int> ids) const override;
  int vocabulary() const override { return static_cast<int>(vocabulary_.tokens.size()); }
  int end_of_text() const override { return vocabulary_.end_of_text; }

  // What the ids stand for, UTF-8 or not: bytes(encode(x)) is x, whatever x is.
  std::string bytes(std::span<const int> ids) const;

 private:
  Vocabulary vocabulary_;
  MergeTable merges_;
};

}  // namespace data
