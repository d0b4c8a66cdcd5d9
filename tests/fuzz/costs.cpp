// A run's costs.json: an accepted one survives writing and reading.

#include "tests/fuzz/fuzz.h"
#include "tools/training/costs_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto step = training::parse_costs_json(fuzz::text_of(data, size), "costs.json");
    const std::string text = training::to_json(step);
    fuzz::expect(training::to_json(training::parse_costs_json(text, "again")) == text,
                 "costs survive writing and reading");
  });
  return 0;
}
