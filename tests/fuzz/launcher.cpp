// The environment of a process, a variable a line, as launchers set them.

#include "tools/training/launcher.h"

#include <cctype>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  training::Environment environment;
  for (const std::string& line : fuzz::lines_of(data, size)) {
    const std::size_t equals = std::min(line.find('='), line.size());
    environment[line.substr(0, equals)] = line.substr(std::min(equals + 1, line.size()));
  }
  for (const std::string& name : training::launcher_names())
    fuzz::try_to([&] {
      const auto launch = training::find_launch(name, environment);
      if (!launch) return;
      fuzz::expect(launch->rank >= 0 && launch->rank < launch->ranks.value_or(launch->rank + 1),
                   "the rank is one of all");
      fuzz::expect(launch->ranks_here >= 1, "a process is on its machine");
      fuzz::expect(
          std::ranges::all_of(
              launch->run, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; }),
          "the run's name can be a file's");
      const int pipelines = training::pipelines_of(*launch, 3, {});
      fuzz::expect(3 * pipelines == launch->ranks.value_or(3), "every rank has a stage");
    });
  return 0;
}
