#include "data/text/text.h"

#include "data/text/plays.h"
#include "data/text/stories.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/folder_lock.h"
#include "nn/base/named_row.h"

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

path training_stories(const path& data_raw) {
  return data_raw / "stories" / "TinyStoriesV2-GPT4-train.txt";
}

// All plays in one file, each of them a story.
path joined_plays(const path& data_raw) {
  const path plays = data_raw / "shakespeare", file = data_raw / "stories" / "shakespeare.txt";
  if (std::filesystem::exists(file) || count_plays(plays) < shakespeare_plays) return file;
  const nn::FolderLock lock(file.parent_path());
  if (!std::filesystem::exists(file)) nn::write_file_atomically(file, join_plays(plays));
  return file;
}

constexpr KnownText named[] = {
    {"tinystories", "the validation part of TinyStories, 22 MB", "stories", stories_file},
    {"tinystories-train", "TinyStories, 2.2 GB", "stories-train", training_stories},
    {"shakespeare", "37 plays, 5 MB", "shakespeare", joined_plays},
};

}  // namespace

std::span<const KnownText> known_texts() { return named; }

const KnownText* find_known_text(std::string_view name) {
  return nn::find_row(known_texts(), name);
}

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

  path file = options.text;
  std::string which = file.string();
  if (const KnownText* const text = find_known_text(options.text.string())) {
    file = text->file(options.data_raw);
    which = nn::concat(text->name, " (", file.string(), ')');
    if (is_missing(file))
      throw nn::InputError(nn::concat("there is no ", file.string()),
                           nn::concat("data/fetch.sh ", text->dataset, " brings it"));
  } else if (file.empty() && !is_missing(stories)) {
    file = stories;
    which = nn::concat("TinyStories (", file.string(), ')');
  } else if (file.empty()) {
    file = written_stories(options);
    which = nn::concat("synthetic stories by a grammar (", file.string(), "), because there is no ",
                       stories.string());
  }

  const path vocabulary =
      options.vocabulary.empty() ? vocabulary_file(options.data_raw) : options.vocabulary;
  path tokenizer_json = options.tokenizer;
  std::string units = "bytes";
  if (tokenizer_json == "bytes") {
    tokenizer_json.clear();
  } else if (tokenizer_json.empty()) {
    if (is_missing(vocabulary))
      units += ", because there is no " + vocabulary.string();
    else
      tokenizer_json = vocabulary;
  }
  TokenFile tokens = open_tokens(file, tokenizer_json, options.data_raw / "tokens");
  if (!tokenizer_json.empty())
    units = nn::concat("a vocabulary of ", tokens.vocabulary(), " (", tokenizer_json.string(), ')');
  std::string description = nn::concat(which, "; ", tokens.ids().size(), " tokens: ", units);
  return {std::move(tokens), tokenizer_json, std::move(description)};
}

}  // namespace data
