// The command line of hw1, one argument a line.

#include <algorithm>
#include <sstream>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tools/homework/options.h"
#include "tools/program/options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream lines{std::string(fuzz::text_of(data, size))};
  std::vector<std::string> words{"hw1"};
  for (std::string word; std::getline(lines, word);) {
    if (std::ranges::any_of(word, fuzz::is_control)) return 0;
    words.push_back(word);
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  fuzz::try_to([&] {
    try {
      const homework::Options options =
          homework::parse_options(static_cast<int>(words.size()), arguments.data());
      fuzz::expect(options.threads >= 1 && options.threads <= 1024, "there are threads");
    } catch (const tools::AskedForHelp&) {
    }
  });
  return 0;
}
