#include "data/llama_tokenizer.h"

#include <algorithm>
#include <bit>

#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

// Merges the pieces of one word; keeps its memory from word to word.
class Merger {
 public:
  explicit Merger(const MergeTable& table) : table_(table) {}

  void add(int piece) {
    const int count = static_cast<int>(links_.size());
    links_.push_back({piece, count - 1, count + 1, MergeTable::none});
  }

  // Appends what the pieces added since then merge into.
  void finish(std::vector<int>& ids) {
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
    for (int i = 0; i != end; i = links_[i].next) ids.push_back(links_[i].piece);
    links_.clear();
  }

 private:
  struct Link {
    int piece;
    int previous;
    int next;
    std::uint32_t rank;  // of the merge with the next one; offers of another rank are outdated
  };

  void offer(int left) {
    Link& link = links_[left];
    link.rank =
        link.next == end ? MergeTable::none : table_.rank(link.piece, links_[link.next].piece);
    if (link.rank == MergeTable::none) return;
    queue_.push_back(std::uint64_t{link.rank} << 32 | static_cast<std::uint32_t>(left));
    std::ranges::push_heap(queue_, std::greater());
  }

  void merge(int left) {
    Link& link = links_[left];
    Link& gone = links_[link.next];
    link.piece = table_.merged(link.rank);
    gone.rank = MergeTable::none;
    link.next = gone.next;
    if (link.next != end) links_[link.next].previous = left;
    offer(left);
    if (link.previous >= 0) offer(link.previous);
  }

  static constexpr int end = -1;
  const MergeTable& table_;
  std::vector<Link> links_;
  std::vector<std::uint64_t> queue_;  // a heap of (rank, position of the left one)
};

}  // namespace

MergeTable::MergeTable(const std::vector<Merge>& merges)
    : entries_(std::bit_ceil(2 * merges.size() + 2)),
      shift_(32 - std::countr_zero(entries_.size())) {
  for (const auto& [left, right, merged] : merges) {
    if (merged_.empty() || merged_.back() != merged) merged_.push_back(merged);
    const std::uint32_t pair = static_cast<std::uint32_t>(left) << 16 | right;
    std::size_t place = home(pair);
    while (entries_[place].rank != none) place = (place + 1) & (entries_.size() - 1);
    entries_[place] = {pair, static_cast<std::uint32_t>(merged_.size() - 1)};
  }
}

std::uint32_t MergeTable::rank(int left, int right) const {
  const std::uint32_t pair = static_cast<std::uint32_t>(left) << 16 | right;
  std::size_t place = home(pair);
  while (entries_[place].rank != none && entries_[place].pair != pair)
    place = (place + 1) & (entries_.size() - 1);
  return entries_[place].rank;
}

LlamaTokenizer::LlamaTokenizer(Vocabulary vocabulary)
    : vocabulary_(std::move(vocabulary)), merges_(vocabulary_.merges) {
  ascii_.fill(unknown_id);
  for (int id = 0; id < this->vocabulary(); ++id) {
    if (vocabulary_.kinds[id] != Vocabulary::Kind::normal) continue;
    const std::string_view piece = vocabulary_.pieces[id];
    const auto length = static_cast<std::size_t>(nn::utf8_length(piece));
    if (length == piece.size()) characters_.emplace(piece, id);
    if (piece.size() == 1) ascii_[static_cast<unsigned char>(piece[0])] = id;
    const std::size_t word = std::min(piece.find_first_not_of(space_symbol), piece.size());
    spaces_start_words_ &= piece.find(space_symbol, word) == std::string_view::npos;
  }
}

int LlamaTokenizer::find_character(std::string_view character) const {
  if (character.size() == 1) return ascii_[static_cast<unsigned char>(character[0])];
  const auto found = characters_.find(character);
  return found == characters_.end() ? unknown_id : found->second;
}

std::vector<int> LlamaTokenizer::encode(std::string_view text) const {
  std::vector<int> ids;
  if (text.empty()) return ids;
  ids.reserve(text.size() / 3);
  Merger word(merges_);
  const int space = find_character(space_symbol);
  bool is_after_space = true;
  const auto add = [&](std::string_view character, int piece) {
    const bool is_space = character == space_symbol;
    const bool starts_word = is_space && !is_after_space && spaces_start_words_;
    // Nothing merges across the start of a word, nor with a character that is no piece.
    if (starts_word || piece == unknown_id) word.finish(ids);
    is_after_space = is_space;
    if (piece != unknown_id) return word.add(piece);
    for (const unsigned char byte : character) ids.push_back(vocabulary_.byte_ids[byte]);
  };
  add(space_symbol, space);
  while (!text.empty()) {
    const int length = nn::utf8_length(text);
    const std::string_view character = text[0] == ' ' ? space_symbol
                                       : length > 0   ? text.substr(0, length)
                                                      : nn::replacement_character;
    add(character, find_character(character));
    text.remove_prefix(std::max(length, 1));
  }
  word.finish(ids);
  return ids;
}

std::string LlamaTokenizer::decode(std::span<const int> ids) const {
  std::string text, bytes;
  bool is_at_start = true, has_dropped_space = false;
  const auto end_bytes = [&] {
    text += nn::to_utf8(bytes);
    bytes.clear();
  };
  for (const int id : ids) {
    nn::require(id >= 0 && id < vocabulary(), "decode: id ", id, " of ", vocabulary());
    std::string_view piece = vocabulary_.pieces[id];
    const Vocabulary::Kind kind = vocabulary_.kinds[id];
    if (kind == Vocabulary::Kind::byte) {
      bytes += static_cast<char>(std::stoi(std::string(piece.substr(3, 2)), nullptr, 16));
      continue;
    }
    end_bytes();
    // The space that encoding puts in front is dropped, once, before anything has been said.
    is_at_start = is_at_start && !has_dropped_space && text.empty();
    if (id == unknown_id) text += " \xE2\x81\x87 ";  // U+2047, as SentencePiece shows it
    if (kind == Vocabulary::Kind::control) continue;
    has_dropped_space = is_at_start && piece.starts_with(space_symbol);
    if (has_dropped_space) piece.remove_prefix(space_symbol.size());
    while (!piece.empty()) {
      const bool is_space = piece.starts_with(space_symbol);
      const std::size_t length = is_space ? space_symbol.size() : nn::utf8_length(piece);
      text += is_space ? " " : piece.substr(0, length);
      piece.remove_prefix(length);
    }
  }
  end_bytes();
  return text;
}

}  // namespace data
