#include "data/tokenizers/vocabulary_reader.h"

#include "nn/base/json.h"

namespace data {

using nlohmann::json;

void check_size(std::string_view file, const std::string& name) {
  constexpr std::size_t largest = 20'000'000;
  if (file.size() > largest)
    throw nn::InputError(nn::concat(name, ": larger than ", largest, " bytes"), vocabulary_hint);
}

VocabularyReader::VocabularyReader(const json& root, const std::string& name)
    : root_(root), name_(name), model_(member(root, "model", json::value_t::object)) {}

void VocabularyReader::check_settings(std::span<const Setting> settings) const {
  for (const auto& [where, value, alternative] : settings) {
    const json::json_pointer pointer(where);
    const json expected = json::parse(value);
    const json actual = root_.contains(pointer) ? root_[pointer] : json();
    check(actual == expected || (alternative && actual == json::parse(alternative)), where,
          " is not ", expected.dump());
  }
}

const json& VocabularyReader::member(const json& object, const char* name,
                                     json::value_t type) const {
  const auto found = object.find(name);
  check(found != object.end() && found->type() == type, name, " is not an ",
        json(type).type_name());
  return *found;
}

void VocabularyReader::read_tokens() {
  const json& entries = member(model_, "vocab", json::value_t::object);
  auto& tokens = vocabulary_.tokens;
  check(entries.size() <= most_tokens, entries.size(), " tokens, more than ", most_tokens);
  tokens.resize(entries.size());
  for (const auto& [token, id] : entries.items()) {
    check(!token.empty(), "a token is empty");
    check(id.is_number_unsigned(), "the id of ", nn::json_quote(token), " is not a number");
    const auto number = id.get<std::uint64_t>();
    check(number < tokens.size(), "the id of ", nn::json_quote(token), " is ", number,
          ", but there are only ", tokens.size(), " tokens");
    check(tokens[number].empty(), nn::json_quote(token), " and ", nn::json_quote(tokens[number]),
          " have the same id, ", number);
    tokens[number] = token;
    ids_.emplace(token, static_cast<int>(number));
  }
  vocabulary_.kinds.assign(tokens.size(), Vocabulary::Kind::normal);
}

void VocabularyReader::add_merge(const std::string& left, const std::string& right, int rank) {
  const auto find = [&](const std::string& token) {
    const int id = find_normal(token);
    check(id >= 0, "a merge has ", nn::json_quote(token), ", which is not a token of text");
    return id;
  };
  const Merge merge{find(left), find(right), find(left + right), rank};
  check(pairs_.insert(std::uint64_t{most_tokens} * merge.left + merge.right).second,
        "a merge into ", nn::json_quote(left + right), " occurs twice");
  vocabulary_.merges.push_back(merge);
}

int VocabularyReader::find_normal(const std::string& token) const {
  const auto found = ids_.find(token);
  const bool is_normal =
      found != ids_.end() && vocabulary_.kinds[found->second] == Vocabulary::Kind::normal;
  return is_normal ? found->second : -1;
}

std::pair<std::string, std::string> VocabularyReader::halves(const json& entry) const {
  if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
    return {entry[0].get<std::string>(), entry[1].get<std::string>()};
  check(entry.is_string(), "a merge is not a pair of tokens");
  const std::string text = entry.get<std::string>();
  const std::size_t space = text.find(' ');
  check(space != std::string::npos, "the merge ", nn::json_quote(text), " has no space");
  return {text.substr(0, space), text.substr(space + 1)};
}

}  // namespace data
