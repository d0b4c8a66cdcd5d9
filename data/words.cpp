#include "data/words.h"

#include "data/character_class.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"

namespace data {
namespace {

struct Character {
  CharacterClass kind;
  std::size_t length;
};

Character first_character(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 0x80) return {character_class(byte), 1};
  const int length = nn::utf8_length(text);
  if (length == 0) return {CharacterClass::other, 1};
  return {character_class(nn::code_point(text)), static_cast<std::size_t>(length)};
}

// The characters of one class at the start of a text, in bytes: all, and the last one.
struct Run {
  std::size_t length = 0;
  std::size_t last = 0;
};

Run first_run(std::string_view text, CharacterClass kind) {
  Run run;
  while (run.length < text.size()) {
    const Character next = first_character(text.substr(run.length));
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
  const CharacterClass kind = first_character(rest).kind;
  if (kind != CharacterClass::white_space) return space + first_run(rest, kind).length;
  // Of several white characters the last one is left to the word after them.
  const auto [length, last] = first_run(text, CharacterClass::white_space);
  return length == text.size() || length == last ? length : length - last;
}

}  // namespace data
