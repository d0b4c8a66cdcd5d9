// bin/show_schedule: draws the timeline of a pipeline's stages for a schedule and its costs,
// compares all schedules, or predicts steps on more ranks.
#include "tools/program/program.h"
#include "tools/show_schedule/options.h"
#include "tools/show_schedule/scale.h"
#include "tools/show_schedule/show.h"

int main(int argc, char** argv) {
  using namespace show_schedule;
  return tools::run_program([&] {
    const ScheduleOptions options = parse_options(argc, argv);
    if (options.ranks)
      scale(options);
    else if (options.all)
      compare(options);
    else
      show(options);
    return 0;
  });
}
