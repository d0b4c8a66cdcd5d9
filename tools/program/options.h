#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tools {

// Seeds range from 0 to this.
constexpr std::uint64_t largest_seed = std::uint64_t{1} << 62;

// An option that was added, to restrict further. It lives as long as its Options.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  template <class Number>  // int, std::uint64_t or double; NaN is refused
  Option between(Number low, Number high);
  Option among(const std::vector<std::string>& names);        // in any case
  Option in_any_case(const std::vector<std::string>& names);  // other values stay as they are
  Option not_empty();
  Option separated_by(char separator);
  Option required();
  Option excludes(Option other);
  Option not_in_config();                    // Options::config() leaves it out
  Option shown_as(const std::string& type);  // by --help: FLOAT, unless it says another

 private:
  CLI::Option* option_;
};

// The command line of a program, or of one of its commands:
//
//   Options options("bench", "The engine's speed.");
//   options.add("--turns", turns, "how often each side runs each job").between(1, 1000);
//   options.parse(argc, argv);
//
// --help shows a variable's initial value as the default; an optional has none, and its text says
// what happens without it. If an option is repeated, the last one counts.
class Options {
 public:
  Options(const std::string& program, const std::string& description);

  // Value: int, std::int64_t, std::uint64_t, double, std::string, a path or an optional of one. A
  // name without dashes is a positional argument.
  template <class Value>
  Option add(const std::string& name, Value& value, const std::string& text);
  Option add(const std::string& name, bool& flag, const std::string& text);
  Option add(const std::string& name, std::vector<std::string>& values, const std::string& text);

  // One of several words, each with its meaning: {{"mt", Stream::mt}, {"mkl", Stream::mkl}}.
  template <class Value>
  Option add(const std::string& name, Value& value,
             const std::vector<std::pair<std::string, Value>>& choices, const std::string& text) {
    std::vector<std::string> words;
    words.reserve(choices.size());
    for (const auto& [word, meaning] : choices) words.push_back(word);
    const auto meant = [choices](const auto& key, auto part) {
      return std::ranges::find(choices, key, part);
    };
    using Choice = std::pair<std::string, Value>;
    return add_word(name, meant(value, &Choice::second)->first, text,
                    [&value, meant](auto& word) { value = meant(word, &Choice::first)->second; })
        .among(words);
  }

  // Adds --config FILE, which has a line for each option (read_config). The command line wins.
  void add_config();
  // The options that parse() found, in files and on the command line, as the text of such a file.
  std::string config() const;

  // Once there are commands, one of them must be given.
  Options add_command(const std::string& name, const std::string& description);

  // Sets the variables and returns the name of the given command, if there are commands. On --help
  // prints it and throws AskedForHelp. Throws nn::InputError for invalid arguments.
  std::string parse(int argc, char** argv);

 private:
  explicit Options(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}
  Option add_word(const std::string& name, const std::string& preset, const std::string& text,
                  std::function<void(const std::string&)> set);

  std::shared_ptr<CLI::App> app_;
};

// The names of a table's rows, for among() and in_any_case().
template <class Table>
std::vector<std::string> names_of(const Table& table, std::vector<std::string> names = {}) {
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

struct AskedForHelp {};  // which has been printed

}  // namespace tools
