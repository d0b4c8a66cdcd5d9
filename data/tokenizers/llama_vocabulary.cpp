#include <nlohmann/json.hpp>

#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/vocabulary_reader.h"
#include "nn/base/json.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

using nlohmann::json;
using Kind = Vocabulary::Kind;

// The settings with which Hugging Face's library encodes as SentencePiece does.
constexpr VocabularyReader::Setting llama_settings[] = {
    {"/model/type", R"("BPE")"},
    {"/model/unk_token", R"("<unk>")"},
    {"/model/byte_fallback", "true"},
    {"/model/ignore_merges", "false", "null"},
    {"/model/dropout", "null"},
    {"/model/continuing_subword_prefix", "null"},
    {"/model/end_of_word_suffix", "null"},
    {"/pre_tokenizer", "null"},
    {"/normalizer", R"({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})"},
    {"/decoder", R"({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})"},
};

class LlamaReader : public VocabularyReader {
 public:
  using VocabularyReader::VocabularyReader;

  Vocabulary read() {
    check_settings(llama_settings);
    read_tokens();
    mark_controls_and_bytes();
    if (root_.contains("added_tokens"))
      read_added(member(root_, "added_tokens", json::value_t::array));
    read_merges();
    check_merges();
    vocabulary_.end_of_text = Tokenizer::end_id;
    return std::move(vocabulary_);
  }

 private:
  void mark_controls_and_bytes() {
    for (const auto& [id, name] :
         {std::pair{Tokenizer::unknown_id, "<unk>"}, std::pair{Tokenizer::begin_id, "<s>"},
          std::pair{Tokenizer::end_id, "</s>"}}) {
      const auto found = ids_.find(name);
      check(found != ids_.end() && found->second == id, name, " does not have the id ", id);
      vocabulary_.kinds[id] = Kind::control;
    }
    for (int byte = 0; byte < 256; ++byte) {
      constexpr std::string_view hex = "0123456789ABCDEF";
      const std::string name = nn::concat("<0x", hex[byte >> 4], hex[byte & 15], '>');
      const auto found = ids_.find(name);
      check(found != ids_.end(), "there is no token ", name);
      vocabulary_.kinds[found->second] = Kind::byte;
      vocabulary_.byte_ids.push_back(found->second);
    }
  }

  void read_added(const json& tokens) {
    for (const json& token : tokens) {
      const bool is_whole = token.is_object() && token.contains("id") && token.contains("content");
      check(is_whole, "one of added_tokens does not have id and content");
      const auto found = token["content"].is_string()
                             ? ids_.find(token["content"].get<std::string>())
                             : ids_.end();
      check(found != ids_.end() && token["id"] == found->second, "the added token ",
            nn::json_shown(token["content"]), " is not in the vocabulary under the same id");
      vocabulary_.kinds[found->second] = Kind::control;
    }
  }

  // Merges into one token have one rank and follow each other, but for runs of spaces, which have
  // one score in SentencePiece's model of LLaMA. There, a run of any length is merged from its left
  // end, one space at a time: other merges of spaces come before that of the next two.
  void read_merges() {
    std::unordered_map<std::string, int> ranks;
    std::string last, last_spaces;
    bool is_mixed = false;
    each_merge([&](const std::string& left, const std::string& right) {
      const std::string made = left + right;
      const auto [found, is_new] = ranks.emplace(made, static_cast<int>(ranks.size()));
      const bool is_run = run_length(made) > 0;
      check(is_new || made == last || is_run, "the merges into ", nn::json_quote(made),
            " do not follow each other");
      is_mixed |= !is_new && made != last;
      if (is_run) last_spaces = made;
      last = made;
      add_merge(left, right, found->second);
    });
    if (!is_mixed) return;
    std::size_t runs = 0, longest = 1;
    for (const auto& [made, rank] : ranks)
      if (const std::size_t length = run_length(made); length > 0) {
        ++runs;
        longest = std::max(longest, length);
      }
    check(runs == longest - 1 && run_length(last_spaces) == 2,
          "the merges of spaces are in an order of their own");
  }

  // How many spaces the text is, 0 if anything else is in it.
  static std::size_t run_length(std::string_view text) {
    const std::size_t length = text.size() / space_symbol.size();
    while (text.starts_with(space_symbol)) text.remove_prefix(space_symbol.size());
    return text.empty() ? length : 0;
  }

  // The merges must be all that the tokens allow: SentencePiece looks at tokens alone.
  void check_merges() const {
    std::size_t possible = 0;
    for (std::size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      if (vocabulary_.kinds[id] != Kind::normal) continue;
      const std::string& token = vocabulary_.tokens[id];
      const std::size_t before = possible;
      std::size_t cut = nn::utf8_length(token);
      if (cut == token.size()) continue;
      for (; cut < token.size(); cut += nn::utf8_length(std::string_view(token).substr(cut)))
        possible += find_normal(token.substr(0, cut)) >= 0 && find_normal(token.substr(cut)) >= 0;
      check(possible > before, "no merge makes ", nn::json_quote(token));
    }
    const std::size_t merges = vocabulary_.merges.size();
    check(possible == merges, merges, " merges, but the tokens allow ", possible);
  }
};

}  // namespace

Vocabulary read_llama_vocabulary(const json& root, const std::string& name) {
  return LlamaReader(root, name).read();
}

}  // namespace data
