// A command line, one argument a line, for a program that has an option of every kind; and a list
// of layers.

#include "tools/program/options.h"

#include <optional>
#include <sstream>

#include "pipeline/cut.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream lines{std::string(fuzz::text_of(data, size))};
  std::vector<std::string> words{"program"};
  for (std::string word; std::getline(lines, word);) {
    if (std::ranges::any_of(word, fuzz::is_control)) return 0;
    words.push_back(word);
  }
  fuzz::try_to([&] {
    const pipeline::Cut cut = pipeline::parse_cut(words.back(), 6, 3);
    fuzz::expect(cut.size() == 3 && cut[0] + cut[1] + cut[2] == 6, "all layers are somewhere");
  });

  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  fuzz::try_to([&] {
    int count = 1;
    double rate = 0;
    bool is_on = false;
    std::string word;
    std::vector<std::string> parts;
    std::optional<std::int64_t> width;
    tools::Options options("program", "Has an option of every kind.");
    options.add("--count,-n", count, "from 1 to 9").between(1, 9);
    options.add("--rate", rate, "any number");
    options.add("--on", is_on, "or off");
    options.add("--word", word, "one of two").among({"one", "two"});
    options.add("--parts", parts, "any of them").separated_by(',');
    options.add("--width", width, "if given");
    try {
      options.parse(static_cast<int>(words.size()), arguments.data());
    } catch (const tools::AskedForHelp&) {
    }
    fuzz::expect(count >= 1 && count <= 9, "a number is between its bounds");
    fuzz::expect(word.empty() || word == "one" || word == "two", "a word is one of those allowed");
  });
  return 0;
}
