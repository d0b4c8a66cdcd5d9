#include "tools/training/text_choice.h"

#include <system_error>

namespace training {

void choose_vocabulary(data::TextOptions& options, const std::filesystem::path& init,
                       std::string_view vocabulary) {
  options.vocabulary = data::fetched_vocabulary(options.data_raw, vocabulary);
  const std::filesystem::path own = init / "tokenizer.json";
  std::error_code ignored;
  if (options.tokenizer.empty() && !init.empty() && std::filesystem::exists(own, ignored))
    options.tokenizer = own;
}

std::string datasets_of(const data::TextOptions& options, std::string_view vocabulary) {
  std::string names;
  if (options.tokenizer.empty()) names = vocabulary;
  const std::string text = options.text.empty() ? "tinystories" : options.text.string();
  if (const data::KnownText* const named = data::find_known_text(text))
    names += ' ' + std::string(named->dataset);
  return names;
}

}  // namespace training
