#include "data/tokenizers/byte_level_tokenizer.h"

#include <cstring>

#include "data/tokenizers/words.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {

ByteLevelTokenizer::ByteLevelTokenizer(Vocabulary vocabulary)
    : vocabulary_(std::move(vocabulary)), merges_(vocabulary_.merges) {
  nn::require(
      vocabulary_.scheme == Vocabulary::Scheme::byte_level && vocabulary_.byte_ids.size() == 256,
      "byte-level tokenizer: a vocabulary of another scheme");
}

std::vector<int> ByteLevelTokenizer::encode(std::string_view text) const {
  std::vector<int> ids;
  ids.reserve(text.size() / 3);
  Merger merger(merges_);
  const auto add = [&](std::string_view part) {
    while (!part.empty()) {
      const std::string_view word = part.substr(0, first_word(part));
      for (const unsigned char byte : word) merger.add(vocabulary_.byte_ids[byte]);
      merger.finish(ids);
      part.remove_prefix(word.size());
    }
  };
  for (;;) {
    const std::size_t end = text.find(end_of_text_token);
    add(text.substr(0, end));
    if (end == text.npos) return ids;
    ids.push_back(end_of_text());
    text.remove_prefix(end + std::strlen(end_of_text_token));
  }
}

std::string ByteLevelTokenizer::decode(std::span<const int> ids) const {
  return nn::to_utf8(bytes(ids));
}

std::string ByteLevelTokenizer::bytes(std::span<const int> ids) const {
  std::string text;
  for (const int id : ids) {
    nn::require(id >= 0 && id < vocabulary(), "decode: id ", id, " of ", vocabulary());
    text += vocabulary_.tokens[id];
  }
  return text;
}

}  // namespace data
