// A schedule as PyTorch writes them: an accepted one runs, and survives writing and reading.

#include "pipeline/schedules/schedule_csv.h"

#include "pipeline/schedules/simulate.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const pipeline::Plan plan = pipeline::parse_schedule_csv(fuzz::text_of(data, size), "x.csv");
    const pipeline::Plan again = pipeline::parse_schedule_csv(pipeline::to_csv(plan), "x.csv");
    fuzz::expect(again.microbatches == plan.microbatches && again.stages == plan.stages,
                 "a schedule survives writing and reading");
    const auto costs = pipeline::uniform_costs(plan.placement.stages(), plan.placement.chunks());
    fuzz::expect(pipeline::simulate(plan, costs).length > 0, "it runs");
  });
  return 0;
}
