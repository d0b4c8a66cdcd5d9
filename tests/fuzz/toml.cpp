// The TOML of a sweep: an accepted one has names, each once, with values. Each of its runs has a
// folder of its own.

#include <set>

#include "tests/fuzz/fuzz.h"
#include "tools/federated/sweep.h"
#include "tools/program/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto entries = tools::parse_config(std::string(fuzz::text_of(data, size)), "sweep.toml");
    fuzz::expect(!entries.empty(), "there is an option");
    for (const tools::ConfigEntry& entry : entries) {
      fuzz::expect(!entry.values.empty(), "an option has a value");
      fuzz::expect(std::ranges::count(entries, entry.name, &tools::ConfigEntry::name) == 1,
                   "an option is there once");
    }
    std::set<std::string> folders;
    for (const federated::SweepRun& run : federated::grid(entries)) {
      fuzz::expect(run.name().find('/') == std::string::npos, "a folder lies in the sweep's");
      fuzz::expect(folders.insert(run.name()).second, "a run has a folder of its own");
    }
  });
  return 0;
}
