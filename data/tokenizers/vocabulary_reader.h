#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "data/tokenizers/vocabulary.h"
#include "nn/base/error.h"

namespace data {

constexpr const char* vocabulary_hint =
    "it must be the tokenizer of a Llama or GPT-2 model: data/fetch.sh vocabulary puts the one "
    "into "
    "data/raw/vocabulary, data/fetch.sh gpt2 the other into data/raw/gpt2";

// Throws nn::InputError if the file has more than 20,000,000 bytes, because parsed JSON takes many
// times as much memory.
void check_size(std::string_view file, const std::string& name);

// The parts that both kinds of tokenizer.json share. Every error names the file.
class VocabularyReader {
 public:
  // A value that a tokenizer.json must have, or its alternative. If one is "null", the member may
  // be missing.
  struct Setting {
    const char* where;
    const char* value;
    const char* alternative = nullptr;
  };

  VocabularyReader(const nlohmann::json& root, const std::string& name);

 protected:
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds) throw nn::InputError(nn::concat(name_, ": ", parts...), vocabulary_hint);
  }
  void check_settings(std::span<const Setting> settings) const;

  const nlohmann::json& member(const nlohmann::json& object, const char* name,
                               nlohmann::json::value_t type) const;

  // Fills tokens, all of the kind `normal`, and ids_.
  void read_tokens();

  // Calls add(left, right) with the two texts of each merge, best first.
  template <class Add>
  void each_merge(Add add) const {
    for (const auto& entry : member(model_, "merges", nlohmann::json::value_t::array)) {
      const auto [left, right] = halves(entry);
      add(left, right);
    }
  }
  void add_merge(const std::string& left, const std::string& right, int rank);

  // The id of a normal token, or -1.
  int find_normal(const std::string& token) const;

  static constexpr std::size_t most_tokens = 65'536;
  const nlohmann::json& root_;
  const std::string name_;
  const nlohmann::json& model_;
  Vocabulary vocabulary_;
  std::unordered_map<std::string, int> ids_;

 private:
  // The two texts of a merge, "left right" or ["left", "right"].
  std::pair<std::string, std::string> halves(const nlohmann::json& entry) const;

  std::unordered_set<std::uint64_t> pairs_;
};

// Both throw nn::InputError.
Vocabulary read_llama_vocabulary(const nlohmann::json& root, const std::string& name);
Vocabulary read_byte_level_vocabulary(const nlohmann::json& root, const std::string& name);

}  // namespace data
