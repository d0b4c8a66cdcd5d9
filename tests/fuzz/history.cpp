// The members.csv of an elastic run: an accepted one says which pipelines train from which step on.

#include <set>

#include "tests/fuzz/fuzz.h"
#include "tools/training/history.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto history =
        training::parse_history(std::string(fuzz::text_of(data, size)), "members.csv");
    fuzz::expect(!history.empty() && history.begin()->first > 0, "there is a first step");
    for (const auto& [step, pipelines] : history) {
      const std::set<int> different(pipelines.begin(), pipelines.end());
      fuzz::expect(
          !different.empty() && *different.begin() >= 0 && different.size() == pipelines.size(),
          "the pipelines are different ones");
    }
  });
  return 0;
}
