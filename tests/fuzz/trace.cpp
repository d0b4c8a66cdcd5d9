// A file of a trace: an accepted one can be drawn.

#include "tests/fuzz/fuzz.h"
#include "tools/training/lanes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto events =
        training::parse_trace(std::string(fuzz::text_of(data, size)), "trace-rank-0.csv");
    if (events.empty() || events[0].rank > 9) return;
    const double start = events[0].event.start, end = events[0].event.end;
    const auto lanes = training::lanes_between(events, start, end);
    fuzz::expect(training::busy_seconds(events, 0, start, end) >= 0, "time goes forward");
    report::to_text(lanes, report::Glyphs::letters, 20, end - start);
    report::to_svg(lanes, "trace", "s");
    training::to_chrome_json(events, start);
  });
  return 0;
}
