// The TOML of a sweep: an accepted one has names, each once, with values.

#include "tests/fuzz/fuzz.h"
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
  });
  return 0;
}
