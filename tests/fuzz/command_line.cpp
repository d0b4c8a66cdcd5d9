// The command line of hw1, one argument a line.

#include "tests/arguments.h"
#include "tests/fuzz/fuzz.h"
#include "tools/homework/options.h"
#include "tools/program/options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> words = fuzz::lines_of(data, size);
  if (!fuzz::can_be_words(words)) return 0;
  auto& line = fuzz::reused<homework::CommandLine>();
  fuzz::try_to([&] {
    Arguments arguments("hw1", words);
    try {
      const homework::Options options = line.parse(arguments.count(), arguments.values());
      fuzz::expect(options.resources.threads >= 1 && options.resources.threads <= 1024,
                   "there are threads");
    } catch (const tools::AskedForHelp&) {  // NOLINT(bugprone-empty-catch)
    }
  });
  return 0;
}
