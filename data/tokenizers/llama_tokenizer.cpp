#include "data/tokenizers/llama_tokenizer.h"

#include <algorithm>

#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {

LlamaTokenizer::LlamaTokenizer(Vocabulary vocabulary)
    : vocabulary_(std::move(vocabulary)), merges_(vocabulary_.merges) {
  ascii_.fill(unknown_id);
  for (int id = 0; id < this->vocabulary(); ++id) {
    if (vocabulary_.kinds[id] != Vocabulary::Kind::normal) continue;
    const std::string_view token = vocabulary_.tokens[id];
    const auto length = static_cast<std::size_t>(nn::utf8_length(token));
    if (length == token.size()) characters_.emplace(token, id);
    if (token.size() == 1) ascii_[static_cast<unsigned char>(token[0])] = id;
    const std::size_t word = std::min(token.find_first_not_of(space_symbol), token.size());
    spaces_start_words_ &= token.find(space_symbol, word) == std::string_view::npos;
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
  const auto add = [&](std::string_view character, int token) {
    const bool is_space = character == space_symbol;
    const bool starts_word = is_space && !is_after_space && spaces_start_words_;
    // Nothing merges across the start of a word, nor with a character that is not a token.
    if (starts_word || token == unknown_id) word.finish(ids);
    is_after_space = is_space;
    if (token != unknown_id) return word.add(token);
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
    std::string_view token = vocabulary_.tokens[id];
    const Vocabulary::Kind kind = vocabulary_.kinds[id];
    if (kind == Vocabulary::Kind::byte) {
      bytes += static_cast<char>(std::stoi(std::string(token.substr(3, 2)), nullptr, 16));
      continue;
    }
    end_bytes();
    // The space that encoding puts in front is dropped, once, before anything has been said.
    is_at_start = is_at_start && !has_dropped_space && text.empty();
    if (id == unknown_id) text += " \xE2\x81\x87 ";  // U+2047, as SentencePiece shows it
    if (kind == Vocabulary::Kind::control) continue;
    has_dropped_space = is_at_start && token.starts_with(space_symbol);
    if (has_dropped_space) token.remove_prefix(space_symbol.size());
    while (!token.empty()) {
      const bool is_space = token.starts_with(space_symbol);
      const std::size_t length = is_space ? space_symbol.size() : nn::utf8_length(token);
      text += is_space ? " " : token.substr(0, length);
      token.remove_prefix(length);
    }
  }
  end_bytes();
  return text;
}

}  // namespace data
