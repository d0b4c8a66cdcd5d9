#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "data/tokenizer.h"
#include "data/vocabulary.h"

namespace data {

// Which piece two neighbours make, and how urgently: an open-addressing table, since encoding asks
// it a dozen times for each word.
class MergeTable {
 public:
  explicit MergeTable(const std::vector<Merge>& merges);

  // The smaller, the sooner it is made; `none` if the two do not merge.
  std::uint32_t rank(int left, int right) const;
  int merged(std::uint32_t rank) const { return merged_[rank]; }

  static constexpr std::uint32_t none = UINT32_MAX;

 private:
  struct Entry {
    std::uint32_t pair = 0;
    std::uint32_t rank = none;
  };
  std::size_t home(std::uint32_t pair) const { return pair * 0x9E3779B1u >> shift_; }

  std::vector<Entry> entries_;
  std::vector<int> merged_;  // by rank
  int shift_;
};

// Byte-pair encoding as SentencePiece does it: again and again the best merge among all neighbours,
// the leftmost of equals, until there is none.
class LlamaTokenizer : public Tokenizer {
 public:
  explicit LlamaTokenizer(Vocabulary vocabulary);

  std::vector<int> encode(std::string_view text) const override;
  std::string decode(std::span<const int> ids) const override;
  int vocabulary() const override { return static_cast<int>(vocabulary_.pieces.size()); }

 private:
  // The piece that is this one character; unknown_id if there is none.
  int find_character(std::string_view character) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<int, 128> ascii_{};
  std::unordered_map<std::string_view, int> characters_;  // views of vocabulary_.pieces
  bool spaces_start_words_ = true;  // no piece goes on after a space that follows something else
};

}  // namespace data
