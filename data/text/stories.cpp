#include "data/text/stories.h"

#include <algorithm>
#include <cctype>
#include <random>
#include <unordered_map>
#include <vector>

#include "data/text/stories_grammar.h"
#include "nn/base/error.h"

namespace data {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \n"), text.size());
  return text.substr(first, text.find_last_not_of(" \n") + 1 - first);
}

// Removes and returns the text before the separator. Drops the separator.
std::string_view cut(std::string_view& text, std::string_view separator) {
  const std::size_t size = std::min(text.find(separator), text.size());
  const std::string_view before = text.substr(0, size);
  text.remove_prefix(std::min(size + separator.size(), text.size()));
  return before;
}

bool is_capital(char letter) { return letter >= 'A' && letter <= 'Z'; }
char lower(char letter) { return is_capital(letter) ? static_cast<char>(letter + 32) : letter; }
bool is_vowel(char letter) { return std::string_view("aeiou").find(lower(letter)) < 5; }

class Writer {
 public:
  explicit Writer(std::uint64_t seed) {
    std::seed_seq sequence{static_cast<std::uint32_t>(seed),
                           static_cast<std::uint32_t>(seed >> 32)};
    generator_.seed(sequence);
    // A rule starts a line; its further lines are indented.
    for (std::string_view grammar = trim(stories_grammar); !grammar.empty();) {
      const std::string_view name = cut(grammar, ":");
      std::size_t end = grammar.find('\n');
      while (end < grammar.size() && (grammar[end + 1] == ' ' || grammar[end + 1] == '\n'))
        end = grammar.find('\n', end + 1);
      std::string_view choices = grammar.substr(0, end);
      grammar.remove_prefix(std::min(end, grammar.size() - 1) + 1);
      std::vector<std::string_view>& rule = rules_[name];
      for (bool is_last = false; !is_last;) {
        is_last = choices.find('|') == std::string_view::npos;
        rule.push_back(trim(cut(choices, "|")));
      }
    }
  }

  // Appends one story.
  void write(std::string& text) {
    meanings_.clear();
    say(choose("story"), text);
    text += "\n<|endoftext|>\n";
  }

 private:
  std::string_view choose(std::string_view name) {
    const auto rule = rules_.find(name);
    nn::require(rule != rules_.end(), "stories: there is no rule ", name);
    const std::uint64_t choice = generator_() * std::uint64_t{rule->second.size()} >> 32;
    return rule->second[choice];
  }

  // Appends the choice with all its names replaced; never two spaces next to each other.
  void say(std::string_view choice, std::string& text) {
    while (!choice.empty()) {
      const char letter = choice[0];
      choice.remove_prefix(1);
      const bool is_space = letter == ' ' || letter == '\n';
      if (letter == '[') {
        refer(cut(choice, "]"), text);
      } else if (letter == '/') {
        if (text.ends_with(' ')) text.pop_back();
        text += '\n';
      } else if (!is_space) {
        text += letter;
      } else if (!text.empty() && text.back() != ' ' && text.back() != '\n') {
        text += ' ';
      }
    }
  }

  void refer(std::string_view reference, std::string& text) {
    if (reference.find('=') != std::string_view::npos) {
      const std::string_view name = cut(reference, "=");
      return define(name, reference);
    }
    std::string name(reference);
    const bool has_article = lower(name[0]) == 'a' && name[1] == ' ';
    if (has_article) name.erase(0, 2);
    name[0] = lower(name[0]);
    const std::size_t start = text.size();
    const auto meaning = meanings_.find(name);
    if (meaning != meanings_.end())
      text += meaning->second;
    else
      say(choose(name), text);
    if (has_article && start < text.size())
      text.insert(start, is_vowel(text[start]) ? "an " : "a ");
    if (is_capital(reference[0]) && start < text.size())
      text[start] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[start])));
  }

  void define(std::string_view name, std::string_view rule) {
    std::string meaning;
    if (!rules_.contains(rule)) meaning = rule;
    const auto is_taken = [&] {
      return std::ranges::any_of(meanings_, [&](const auto& other) {
        return other.second == meaning && other.first != name;
      });
    };
    while (rules_.contains(rule) && (meaning.empty() || is_taken())) {
      meaning.clear();
      say(choose(rule), meaning);
    }
    meanings_[std::string(name)] = meaning;
  }

  std::mt19937 generator_;
  std::unordered_map<std::string_view, std::vector<std::string_view>> rules_;
  std::unordered_map<std::string, std::string> meanings_;  // in the story being written
};

}  // namespace

std::string write_stories(std::uint64_t seed, std::size_t bytes) {
  Writer writer(seed);
  std::string text;
  text.reserve(bytes + 4096);
  while (text.size() < bytes) writer.write(text);
  return text;
}

}  // namespace data
