// Files of the folder in which ranks meet: a rank's answer; or an epoch, and after it what
// processes tell about themselves. Accepted ones survive writing and reading, and can be decided
// on.

#include "pipeline/mailbox/meeting.h"

#include <optional>

#include "pipeline/members/epoch.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::string_view last_line = "end\n";

template <class Parse>
auto read(const std::string& text, Parse parse) {
  const auto value = parse(text);
  if (value)
    fuzz::expect(to_text(parse(to_text(*value)).value()) == to_text(*value),
                 "it survives writing and reading");
  return value;
}

void try_to_decide(const pipeline::Epoch& last, const std::vector<pipeline::Presence>& alive) {
  const pipeline::Shape shape{.stages = 2, .pipelines = 2, .most_pipelines = 4};
  pipeline::has_newcomers(last, shape, alive, last.done.value_or(0));
  for (const bool is_late : {false, true})
    if (const auto next = pipeline::next_epoch(last, shape, alive, is_late))
      fuzz::expect(next->number == last.number + 1 && !next->members.empty() &&
                       next->members.size() % shape.stages == 0,
                   "whole pipelines are the next members");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string rest(fuzz::text_of(data, size));
  read(rest, pipeline::parse_answer);
  std::vector<std::string> files;
  while (!rest.empty()) {
    const std::size_t end = rest.find(last_line);
    files.push_back(rest.substr(0, end == rest.npos ? end : end + last_line.size()));
    rest.erase(0, files.back().size());
  }
  if (files.empty()) return 0;
  std::vector<pipeline::Presence> alive;
  for (const std::string& file : files)
    if (const auto presence = read(file, pipeline::parse_presence)) alive.push_back(*presence);
  try_to_decide(read(files[0], pipeline::parse_epoch).value_or(pipeline::Epoch{}), alive);
  return 0;
}
