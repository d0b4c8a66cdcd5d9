// A table of results, as hw1 compare reads it.

#include "tests/fuzz/fuzz.h"
#include "tools/federated/compare.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto references =
        federated::parse_results(std::string(fuzz::text_of(data, size)), "table.csv");
    for (const auto& [experiment, accuracies, dataset] : references)
      fuzz::expect(experiment.rounds == static_cast<int>(accuracies.size()),
                   "every round has an accuracy");
  });
  return 0;
}
