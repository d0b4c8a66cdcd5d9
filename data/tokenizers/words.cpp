#include "data/tokenizers/words.h"

#include "data/tokenizers/character_class.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

struct Sign {  // a character, or a byte that is not part of one
  CharacterClass kind;
  std::size_t length;
};

Sign first_sign(std::string_view text) {
  const auto [bytes, code] = nn::first_character(text);
  if (bytes == 0) return {CharacterClass::other, 1};
  return {character_class(code), static_cast<std::size_t>(bytes)};
}

// The characters of one class at the start of a text, in bytes: all, and the last one.
struct Run {
  std::size_t length = 0;
  std::size_t last = 0;
};

Run first_run(std::string_view text, CharacterClass kind) {
  Run run;
  while (run.length < text.size()) {
    const Sign next = first_sign(text.substr(run.length));
    if (next.kind != kind) break;
    run = {run.length + next.length, next.length};
  }
  return run;
}

}  // namespace

std::size_t first_word(std::string_view text) {
  nn::require(!text.empty(), "first_word: the text is empty");
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  const std::size_t space = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const std::string_view rest = text.substr(space);
  const CharacterClass kind = first_sign(rest).kind;
  if (kind != CharacterClass::white_space) return space + first_run(rest, kind).length;
  // The last of several white characters belongs to the next word.
  const auto [length, last] = first_run(text, CharacterClass::white_space);
  return length == text.size() || length == last ? length : length - last;
}

}  // namespace data
