// A loss.csv: an accepted one has ascending steps.

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tools/training/losses.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const training::Losses losses =
        training::parse_losses(std::string(fuzz::text_of(data, size)), "loss.csv");
    fuzz::expect(!losses.steps.empty() && losses.values.size() == losses.steps.size() &&
                     std::ranges::is_sorted(losses.steps),
                 "steps ascend, and each has a loss");
    training::largest_difference(losses, training::mean_of_every(losses, 2));
  });
  return 0;
}
