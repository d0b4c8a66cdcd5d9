#include "data/vocabulary.h"

#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "data/mapped_file.h"
#include "data/tokenizer.h"
#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

using nlohmann::json;
using Kind = Vocabulary::Kind;

constexpr std::size_t largest_file = 20'000'000;  // as JSON it takes many times as much memory
constexpr std::size_t most_pieces = 65'536;

// What makes Hugging Face's library do as SentencePiece does. False may be missing.
struct Setting {
  const char* where;
  const char* value;
};
constexpr Setting settings[] = {
    {"/model/type", R"("BPE")"},
    {"/model/unk_token", R"("<unk>")"},
    {"/model/byte_fallback", "true"},
    {"/model/ignore_merges", "false"},
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

constexpr const char* hint =
    "it must be the tokenizer.json of a Llama model; data/fetch.sh vocabulary puts one into "
    "data/raw/vocabulary";

// Reads one file; every complaint names it.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  Vocabulary read(std::string_view text) {
    check(text.size() <= largest_file, "larger than ", largest_file, " bytes");
    const json root = nn::parse_json_object(text, name_ + ": it", hint);
    const json& model = member(root, "model", json::value_t::object);
    for (const auto& [where, value] : settings) {
      const json::json_pointer pointer(where);
      const json expected = json::parse(value);
      const json actual = root.contains(pointer) ? root[pointer] : json();
      check(actual == expected || (actual.is_null() && expected == false), where, " is not ",
            expected.dump());
    }
    read_pieces(member(model, "vocab", json::value_t::object));
    if (root.contains("added_tokens"))
      read_controls(member(root, "added_tokens", json::value_t::array));
    read_merges(member(model, "merges", json::value_t::array));
    check_merges();
    return std::move(vocabulary_);
  }

 private:
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds) throw nn::InputError(nn::concat(name_, ": ", parts...), hint);
  }

  const json& member(const json& object, const char* name, json::value_t type) const {
    const auto found = object.find(name);
    check(found != object.end() && found->type() == type, name, " is not an ",
          json(type).type_name());
    return *found;
  }

  void read_pieces(const json& entries) {
    auto& [pieces, kinds, byte_ids, merges] = vocabulary_;
    check(entries.size() <= most_pieces, entries.size(), " pieces, more than ", most_pieces);
    pieces.resize(entries.size());
    for (const auto& [piece, id] : entries.items()) {
      check(!piece.empty(), "a piece is empty");
      check(id.is_number_unsigned(), "the id of ", nn::json_quote(piece), " is not a number");
      const auto number = id.get<std::uint64_t>();
      check(number < pieces.size(), "the id of ", nn::json_quote(piece), " is ", number,
            ", but there are only ", pieces.size(), " pieces");
      check(pieces[number].empty(), nn::json_quote(piece), " and ", nn::json_quote(pieces[number]),
            " have the same id, ", number);
      pieces[number] = piece;
      ids_.emplace(piece, static_cast<int>(number));
    }
    kinds.assign(pieces.size(), Kind::normal);
    for (const auto& [id, name] :
         {std::pair{Tokenizer::unknown_id, "<unk>"}, std::pair{Tokenizer::begin_id, "<s>"},
          std::pair{Tokenizer::end_id, "</s>"}}) {
      const auto found = ids_.find(name);
      check(found != ids_.end() && found->second == id, name, " does not have the id ", id);
      kinds[id] = Kind::control;
    }
    for (int byte = 0; byte < 256; ++byte) {
      constexpr std::string_view hex = "0123456789ABCDEF";
      const std::string name = nn::concat("<0x", hex[byte >> 4], hex[byte & 15], '>');
      const auto found = ids_.find(name);
      check(found != ids_.end(), "there is no piece ", name);
      kinds[found->second] = Kind::byte;
      byte_ids.push_back(found->second);
    }
  }

  void read_controls(const json& tokens) {
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

  void read_merges(const json& entries) {
    std::unordered_set<std::string_view> made;
    const auto find = [&](const std::string& piece) {
      const auto found = ids_.find(piece);
      check(found != ids_.end() && vocabulary_.kinds[found->second] == Kind::normal,
            "a merge speaks of ", nn::json_quote(piece), ", which is no piece of text");
      return found->second;
    };
    for (const json& entry : entries) {
      const auto [left, right] = halves(entry);
      const Merge merge{find(left), find(right), find(left + right)};
      std::vector<Merge>& merges = vocabulary_.merges;
      if (merges.empty() || merges.back().merged != merge.merged)
        check(made.insert(vocabulary_.pieces[merge.merged]).second, "the merges into ",
              nn::json_quote(left + right), " do not follow each other");
      merges.push_back(merge);
    }
  }

  // "left right" or ["left", "right"].
  std::pair<std::string, std::string> halves(const json& entry) const {
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
      return {entry[0].get<std::string>(), entry[1].get<std::string>()};
    check(entry.is_string(), "a merge is not a pair of pieces");
    const std::string text = entry.get<std::string>();
    const std::size_t space = text.find(' ');
    check(space != std::string::npos, "the merge ", nn::json_quote(text), " has no space");
    return {text.substr(0, space), text.substr(space + 1)};
  }

  // The merges must be all that the pieces allow, each once: SentencePiece looks at pieces alone.
  void check_merges() const {
    std::unordered_set<std::uint64_t> pairs;
    for (const Merge& merge : vocabulary_.merges)
      check(pairs.insert(merge.left * most_pieces + merge.right).second, "a merge into ",
            nn::json_quote(vocabulary_.pieces[merge.merged]), " occurs twice");
    std::size_t possible = 0;
    for (std::size_t id = 0; id < vocabulary_.pieces.size(); ++id) {
      if (vocabulary_.kinds[id] != Kind::normal) continue;
      const std::string_view piece = vocabulary_.pieces[id];
      const std::size_t before = possible;
      std::size_t cut = nn::utf8_length(piece);
      if (cut == piece.size()) continue;
      for (; cut < piece.size(); cut += nn::utf8_length(piece.substr(cut)))
        possible += is_normal(piece.substr(0, cut)) && is_normal(piece.substr(cut));
      check(possible > before, "no merge makes ", nn::json_quote(piece));
    }
    check(possible == pairs.size(), pairs.size(), " merges, but the pieces allow ", possible);
  }

  bool is_normal(std::string_view piece) const {
    const auto found = ids_.find(std::string(piece));
    return found != ids_.end() && vocabulary_.kinds[found->second] == Kind::normal;
  }

  std::string name_;
  Vocabulary vocabulary_;
  std::unordered_map<std::string, int> ids_;
};

}  // namespace

Vocabulary read_vocabulary(const std::filesystem::path& tokenizer_json) {
  const MappedFile file(tokenizer_json);
  return parse_vocabulary(file.text(), tokenizer_json.string());
}

Vocabulary parse_vocabulary(std::string_view tokenizer_json, const std::string& name) {
  return Reader(name).read(tokenizer_json);
}

}  // namespace data
