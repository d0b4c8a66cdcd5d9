#include "data/tokenizers/merge_table.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace data {

MergeTable::MergeTable(const std::vector<Merge>& merges)
    : entries_(std::bit_ceil(2 * merges.size() + 2)),
      shift_(32 - std::countr_zero(entries_.size())) {
  for (const auto& [left, right, merged, rank] : merges) {
    merged_.resize(std::max<std::size_t>(merged_.size(), rank + 1));
    merged_[rank] = merged;
    const std::uint32_t pair = static_cast<std::uint32_t>(left) << 16 | right;
    std::size_t place = home(pair);
    while (entries_[place].rank != none) place = (place + 1) & (entries_.size() - 1);
    entries_[place] = {pair, static_cast<std::uint32_t>(rank)};
  }
}

std::uint32_t MergeTable::rank(int left, int right) const {
  const std::uint32_t pair = static_cast<std::uint32_t>(left) << 16 | right;
  std::size_t place = home(pair);
  while (entries_[place].rank != none && entries_[place].pair != pair)
    place = (place + 1) & (entries_.size() - 1);
  return entries_[place].rank;
}

void Merger::add(int token) {
  const int count = static_cast<int>(links_.size());
  links_.push_back({token, count - 1, count + 1, MergeTable::none});
}

void Merger::finish(std::vector<int>& ids) {
  if (links_.empty()) return;
  links_.back().next = end;
  for (int i = 0; links_[i].next != end; ++i) offer(i);
  while (!queue_.empty()) {
    std::ranges::pop_heap(queue_, std::greater());
    const auto rank = static_cast<std::uint32_t>(queue_.back() >> 32);
    const int left = static_cast<int>(queue_.back() & UINT32_MAX);
    queue_.pop_back();
    if (links_[left].rank == rank) merge(left);
  }
  for (int i = 0; i != end; i = links_[i].next) ids.push_back(links_[i].token);
  links_.clear();
}

void Merger::offer(int left) {
  Link& link = links_[left];
  link.rank =
      link.next == end ? MergeTable::none : table_.rank(link.token, links_[link.next].token);
  if (link.rank == MergeTable::none) return;
  queue_.push_back(std::uint64_t{link.rank} << 32 | static_cast<std::uint32_t>(left));
  std::ranges::push_heap(queue_, std::greater());
}

void Merger::merge(int left) {
  Link& link = links_[left];
  Link& gone = links_[link.next];
  link.token = table_.merged(link.rank);
  gone.rank = MergeTable::none;
  link.next = gone.next;
  if (link.next != end) links_[link.next].previous = left;
  offer(left);
  if (link.previous >= 0) offer(link.previous);
}

}  // namespace data
