// The command line of hw1, one argument a line, and lists of layers as pipeline_worker takes them.

#include <sstream>
#include <vector>

#include "pipeline/cut.h"
#include "tests/fuzz/fuzz.h"
#include "tools/homework/options.h"
#include "tools/program/options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  fuzz::try_to([&] {
    const pipeline::Cut cut = pipeline::parse_cut(text, 6, 3);
    fuzz::expect(cut.size() == 3 && cut[0] + cut[1] + cut[2] == 6, "all layers are somewhere");
  });
  std::istringstream lines(text);
  std::vector<std::string> words{"hw1"};
  for (std::string word; std::getline(lines, word);) words.push_back(word.c_str());
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
