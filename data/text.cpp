#include "data/text.h"

#include "data/stories.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/folder_lock.h"

namespace data {
namespace {

using std::filesystem::path;

path written_stories(const TextOptions& options) {
  const path folder = options.data_raw / "stories";
  const path file =
      folder / nn::concat("grammar-", options.grammar_seed, '-', options.grammar_bytes, ".txt");
  if (std::filesystem::exists(file)) return file;
  const nn::FolderLock lock(folder);
  if (!std::filesystem::exists(file))
    nn::write_file_atomically(file, write_stories(options.grammar_seed, options.grammar_bytes));
  return file;
}

}  // namespace

path stories_file(const path& data_raw) {
  return data_raw / "stories" / "TinyStoriesV2-GPT4-valid.txt";
}

path vocabulary_file(const path& data_raw) { return data_raw / "vocabulary" / "tokenizer.json"; }

path gpt2_folder(const path& data_raw) { return data_raw / "gpt2"; }

path fetched_vocabulary(const path& data_raw, std::string_view name) {
  if (name == "vocabulary") return vocabulary_file(data_raw);
  nn::require(name == "gpt2", "data/fetch.sh has no vocabulary ", name);
  return gpt2_folder(data_raw);
}

Text open_text(const TextOptions& options) {
  const auto is_missing = [](const path& file) { return !std::filesystem::exists(file); };
  const path stories = stories_file(options.data_raw);
  const path vocabulary =
      options.tokenizer.empty() ? vocabulary_file(options.data_raw) : options.tokenizer;

  path file = options.text;
  std::string which = file.string();
  if (file.empty() && !is_missing(stories)) {
    file = stories;
    which = nn::concat("TinyStories (", file.string(), ')');
  } else if (file.empty()) {
    file = written_stories(options);
    which = nn::concat("synthetic stories by a grammar (", file.string(), "), because there is no ",
                       stories.string());
  }
  const path tokenizer_json = is_missing(vocabulary) ? path() : vocabulary;
  TokenFile tokens = open_tokens(file, tokenizer_json, options.data_raw / "tokens");
  const std::string units =
      tokenizer_json.empty()
          ? nn::concat("bytes, because there is no ", vocabulary.string())
          : nn::concat("a vocabulary of ", tokens.vocabulary(), " (", vocabulary.string(), ')');
  std::string description = nn::concat(which, "; ", tokens.ids().size(), " tokens: ", units);
  return {std::move(tokens), tokenizer_json, std::move(description)};
}

}  // namespace data
