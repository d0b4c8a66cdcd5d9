// A command line, one argument a line, for a program that has an option of every kind; and a list
// of layers.

#include "tools/program/options.h"

#include <optional>

#include "pipeline/cut.h"
#include "tests/arguments.h"
#include "tests/fuzz/fuzz.h"

namespace {

struct Values {
  int count = 1;
  double rate = 0;
  bool is_on = false;
  std::string word;
  std::vector<std::string> parts;
  std::optional<std::int64_t> width;
};

struct Program {
  Program() {
    options.add("--count,-n", values.count, "from 1 to 9").between(1, 9);
    options.add("--rate", values.rate, "any number");
    options.add("--on", values.is_on, "or off");
    options.add("--word", values.word, "one of two").among({"one", "two"});
    options.add("--parts", values.parts, "any of them").separated_by(',');
    options.add("--width", values.width, "if given");
  }

  Values values;
  tools::Options options{"program", "Has an option of every kind."};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> words = fuzz::lines_of(data, size);
  if (!fuzz::can_be_words(words)) return 0;
  fuzz::try_to([&] {
    const pipeline::Cut cut = pipeline::parse_cut(words.empty() ? "" : words.back(), 6, 3);
    fuzz::expect(cut.size() == 3 && cut[0] + cut[1] + cut[2] == 6, "all layers are somewhere");
  });
  auto& [values, options] = fuzz::reused<Program>();
  values = {};
  fuzz::try_to([&] {
    Arguments arguments("program", words);
    try {
      options.parse(arguments.count(), arguments.values());
    } catch (const tools::AskedForHelp&) {  // NOLINT(bugprone-empty-catch)
    }
    fuzz::expect(values.count >= 1 && values.count <= 9, "a number is between its bounds");
    fuzz::expect(values.word.empty() || values.word == "one" || values.word == "two",
                 "a word is one of those allowed");
  });
  return 0;
}
