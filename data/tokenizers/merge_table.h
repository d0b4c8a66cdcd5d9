#pragma once

#include <cstdint>
#include <vector>

// Byte-pair encoding, for every tokenizer that merges (Sennrich et al. 2016).
namespace data {

// Two adjacent tokens that merge into a third. The lower the rank, the sooner.
struct Merge {
  int left;
  int right;
  int merged;
  int rank;
};

// Merges by pair: an open-addressing table, since encoding looks up a dozen pairs per word.
class MergeTable {
 public:
  // Ids are below 65,536. Ranks count from 0 without a gap; merges of one rank make one token.
  explicit MergeTable(const std::vector<Merge>& merges);

  // The rank at which the two merge, or `none`.
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

// Merges the tokens of one word: repeats the merge of lowest rank of two neighbours, the leftmost
// of equals, until no two of them merge. O(n log n) in the length of the word. Reuses its memory
// for the next word.
class Merger {
 public:
  explicit Merger(const MergeTable& table) : table_(table) {}

  void add(int token);

  // Ends the word: appends what the tokens added since the last call merge into.
  void finish(std::vector<int>& ids);

 private:
  struct Link {
    int token;
    int previous;
    int next;
    std::uint32_t rank;  // of the merge with the next token; offers of another rank are outdated
  };

  void offer(int left);
  void merge(int left);

  static constexpr int end = -1;
  const MergeTable& table_;
  std::vector<Link> links_;
  std::vector<std::uint64_t> queue_;  // a heap of (rank, position of the left one)
};

}  // namespace data
