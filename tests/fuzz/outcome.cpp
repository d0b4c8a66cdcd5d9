// The results.json of an exercise, here with one curve: an accepted one comes back the same.

#include "tests/fuzz/fuzz.h"
#include "tools/homework/record.h"

namespace {

const homework::Exercise exercise{
    "a",
    [](const homework::Setting& setting) {
      return std::vector<homework::Curve>{{"c", setting.experiment("fedsgd", 1)}};
    },
    [](std::span<const homework::Run>, std::span<const std::string>) {
      return report::Document{};
    }};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const std::string text(fuzz::text_of(data, size));
    const homework::Outcome outcome = homework::parse_outcome(text, "results.json", exercise);
    const homework::Run& run = outcome.runs.at(0);
    fuzz::expect(run.is_complete() && run.final_accuracy() <= 100, "all rounds are there");
    const std::string written = homework::to_json(outcome);
    fuzz::expect(
        homework::to_json(homework::parse_outcome(written, "results.json", exercise)) == written,
        "an outcome survives writing and reading");
  });
  return 0;
}
