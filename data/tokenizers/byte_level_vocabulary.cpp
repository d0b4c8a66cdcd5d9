#include <array>
#include <nlohmann/json.hpp>

#include "data/tokenizers/vocabulary_reader.h"
#include "nn/base/json.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

using nlohmann::json;

// The settings with which Hugging Face's library encodes as OpenAI's encoder.py does.
constexpr VocabularyReader::Setting byte_level_settings[] = {
    {"/model/type", R"("BPE")", "null"},
    {"/model/byte_fallback", "false", "null"},
    {"/model/ignore_merges", "false", "null"},
    {"/model/dropout", "null"},
    {"/model/continuing_subword_prefix", R"("")", "null"},
    {"/model/end_of_word_suffix", R"("")", "null"},
    {"/normalizer", "null"},
    {"/pre_tokenizer/add_prefix_space", "false"},
    {"/pre_tokenizer/use_regex", "true", "null"},
    {"/decoder/type", R"("ByteLevel")"},
};

// OpenAI's table of bytes and characters (Radford et al. 2019, encoder.py): the visible characters
// of Latin-1 are their own bytes; the other bytes have the characters from U+0100 on. Indexed
// by code point; -1 for no byte.
constexpr auto bytes_by_character = [] {
  std::array<int, 256 + 68> bytes;
  bytes.fill(-1);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_visible = byte > 0x20 && byte != 0xAD && (byte < 0x7F || byte > 0xA0);
    bytes[is_visible ? byte : next++] = byte;
  }
  return bytes;
}();

class ByteLevelReader : public VocabularyReader {
 public:
  using VocabularyReader::VocabularyReader;

  Vocabulary read() {
    vocabulary_.scheme = Vocabulary::Scheme::byte_level;
    check_settings(byte_level_settings);
    read_tokens();
    read_end_of_text();
    each_merge([this](const std::string& left, const std::string& right) {
      add_merge(left, right, static_cast<int>(vocabulary_.merges.size()));
    });
    for (std::string& token : vocabulary_.tokens) token = bytes_of(token);
    find_bytes();
    return std::move(vocabulary_);
  }

 private:
  void read_end_of_text() {
    const json& added = member(root_, "added_tokens", json::value_t::array);
    check(added.size() == 1 && added[0].is_object() &&
              added[0].value("content", json()) == end_of_text_token,
          "added_tokens is not ", end_of_text_token, " alone");
    const auto found = ids_.find(end_of_text_token);
    check(found != ids_.end() && added[0].value("id", json()) == found->second, end_of_text_token,
          " is not in the vocabulary under the same id");
    for (const char* flag : {"single_word", "lstrip", "rstrip"})
      check(added[0].value(flag, json(false)) == false, flag, " of ", end_of_text_token,
            " is not false");
    vocabulary_.end_of_text = found->second;
    vocabulary_.kinds[found->second] = Vocabulary::Kind::control;
  }

  std::string bytes_of(std::string_view token) const {
    std::string bytes;
    for (std::string_view rest = token; !rest.empty();) {
      const auto [length, character] = nn::first_character(rest);
      const int byte = character < bytes_by_character.size() ? bytes_by_character[character] : -1;
      check(byte >= 0, nn::json_quote(token), " has a character that stands for no byte");
      bytes += static_cast<char>(byte);
      rest.remove_prefix(length);
    }
    return bytes;
  }

  void find_bytes() {
    vocabulary_.byte_ids.assign(256, -1);
    for (std::size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string& token = vocabulary_.tokens[id];
      if (token.size() == 1)
        vocabulary_.byte_ids[static_cast<unsigned char>(token[0])] = static_cast<int>(id);
    }
    for (int byte = 0; byte < 256; ++byte)
      check(vocabulary_.byte_ids[byte] >= 0, "there is no token for the byte ", byte);
  }
};

}  // namespace

Vocabulary read_byte_level_vocabulary(const json& root, const std::string& name) {
  return ByteLevelReader(root, name).read();
}

}  // namespace data
