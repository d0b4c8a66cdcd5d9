#include "tools/training/lanes.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "nn/base/error.h"

namespace training {

using pipeline::Kind;

report::BarKind bar_kind(Kind kind) {
  constexpr std::string_view letters = "FBWUR...ST";
  const bool is_thin = kind == Kind::reduce || kind == Kind::send || kind == Kind::receive;
  const int number = static_cast<int>(kind);
  return {pipeline::name_of(kind), number, letters[number], is_thin};
}

std::vector<report::Lane> lanes_between(const std::vector<RankEvent>& events, double start,
                                        double end, const std::string& actor) {
  std::vector<report::Lane> lanes;
  for (const auto& [rank, event] : events) {
    while (static_cast<int>(lanes.size()) <= rank)
      lanes.push_back({nn::concat(actor, ' ', lanes.size()), {}});
    if (event.end <= start || event.start >= end) continue;
    lanes[rank].bars.push_back({std::max(event.start, start) - start,
                                std::min(event.end, end) - start, bar_kind(event.kind),
                                std::to_string(event.item), event.chunk});
  }
  return lanes;
}

std::vector<RankEvent> events_of(const pipeline::Timeline& timeline) {
  std::vector<RankEvent> events;
  for (std::size_t stage = 0; stage < timeline.stages.size(); ++stage)
    for (const auto& [action, start, end] : timeline.stages[stage])
      events.push_back(
          {static_cast<int>(stage),
           {pipeline::kind_of(action.work), 1, action.microbatch, action.chunk, start, end}});
  return events;
}

std::vector<RankEvent> events_of(const pipeline::Prediction& prediction) {
  std::vector<RankEvent> events;
  for (std::size_t stage = 0; stage < prediction.events.size(); ++stage)
    for (pipeline::Event event : prediction.events[stage]) {
      event.step = 1;
      events.push_back({static_cast<int>(stage), event});
    }
  return events;
}

std::vector<report::Lane> lanes_of(const pipeline::Timeline& timeline) {
  return lanes_between(events_of(timeline), 0, timeline.length, "stage");
}

std::vector<report::Lane> lanes_of(const pipeline::Prediction& prediction) {
  return lanes_between(events_of(prediction), 0, prediction.length, "stage");
}

}  // namespace training
