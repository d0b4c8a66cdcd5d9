#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "data/text/tokens.h"
#include "data/tokenizers/tokenizer.h"

namespace data {

// What to train a language model on.
struct TextOptions {
  std::filesystem::path text = {};  // a file or a KnownText; empty: TinyStories, or the grammar's
  std::filesystem::path data_raw = "data/raw";  // data/fetch.sh's folder; has the cache, too
  std::filesystem::path tokenizer = {};         // for load_tokenizer; "bytes"; empty: `vocabulary`
  std::filesystem::path vocabulary = {};        // empty: vocabulary_file; bytes if it is not there
  std::uint64_t grammar_seed = 0;
  std::size_t grammar_bytes = 24'000'000;
};

struct Text {
  TokenFile tokens;
  std::filesystem::path tokenizer_json;  // for open_tokenizer, may be a folder; empty: bytes
  std::string description;               // one line: which stories, which tokens, and why
};

// Opens the best text available: the one asked for, TinyStories if data/fetch.sh has put them into
// data_raw, or stories by write_stories. Its tokens are those of the tokenizer asked for, those of
// the fetched vocabulary, or bytes. Fetches nothing itself. Throws nn::InputError.
Text open_text(const TextOptions& options);

// A text that data/fetch.sh brings, under the name that programs take.
struct KnownText {
  std::string_view name, description;
  std::string_view dataset;  // of data/fetch.sh
  std::filesystem::path (*file)(const std::filesystem::path& data_raw);
};
std::span<const KnownText> known_texts();
const KnownText* find_known_text(std::string_view name);  // null if there is none

// Where data/fetch.sh puts stories and vocabulary, and open_text looks for them.
std::filesystem::path stories_file(const std::filesystem::path& data_raw);
std::filesystem::path vocabulary_file(const std::filesystem::path& data_raw);

// Where data/fetch.sh gpt2 puts GPT-2's tokenizer.
std::filesystem::path gpt2_folder(const std::filesystem::path& data_raw);

// Where data/fetch.sh puts the vocabulary of this name: vocabulary or gpt2. Throws nn::Error for
// other names.
std::filesystem::path fetched_vocabulary(const std::filesystem::path& data_raw,
                                         std::string_view name);

}  // namespace data
