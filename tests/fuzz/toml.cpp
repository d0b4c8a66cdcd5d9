// The TOML of a sweep: an accepted one has names, each once, with values, and no list is open. Each
// of its runs has a folder of its own.

#include <set>

#include "tests/fuzz/fuzz.h"
#include "tools/federated/sweep.h"
#include "tools/program/config.h"

static bool is_refused(const std::string& text) {
  try {
    tools::parse_config(text, "sweep.toml");
    return false;
  } catch (const nn::InputError&) {
    return true;
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const std::string text(fuzz::text_of(data, size));
    const auto entries = tools::parse_config(text, "sweep.toml");
    fuzz::expect(is_refused(text + "\n" + text), "repeated names are refused");
    fuzz::expect(is_refused(text + "\nseed = [1, 2"), "an open list is refused");
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
