#include "tools/show_schedule/show.h"

#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/schedules/schedule_csv.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"
#include "tools/report/timeline.h"
#include "tools/show_schedule/costs.h"
#include "tools/show_schedule/example.h"
#include "tools/training/lanes.h"

namespace show_schedule {

using namespace pipeline;
using nn::concat;

namespace {

std::string setting_of(std::size_t stages, int microbatches) {
  return concat(stages, stages == 1 ? " stage, " : " stages, ", microbatches,
                microbatches == 1 ? " microbatch" : " microbatches");
}

std::string percent(double share) { return report::fixed(100 * share, 1); }

// Hides what is left of rounding.
std::string idle(const Timeline& timeline, int stage) {
  const double time = timeline.idle(stage);
  return concat(time > 1e-9 * timeline.length ? time : 0);
}

std::string speed_up(const Timeline& timeline) {
  return report::fixed(timeline.length > 0 ? timeline.work() / timeline.length : 1, 2);
}

// In microbatches of a whole stage: a chunk holds only its share.
std::string peak(const Example& example, int stage) {
  return concat(static_cast<double>(example.timeline.peak_in_flight(stage)) / example.chunks());
}

std::string megabytes(double bytes) { return report::fixed(bytes / 1e6, 0); }

// The most that each stage's process would take, beside what it took in the run.
void add_memory(report::Table& table, const Example& example,
                const std::vector<StageMemory>& memory) {
  if (memory.empty()) return;
  table.header.insert(table.header.end(), {"Peak MB", "The run's MB"});
  for (std::size_t stage = 0; stage < memory.size(); ++stage) {
    const Room room = with_even_chunks({0, memory[stage].microbatch}, example.chunks());
    const double held = example.timeline.peak_held(static_cast<int>(stage), room.sizes);
    table.rows[stage].push_back(megabytes(memory[stage].always() + held));
    table.rows[stage].push_back(megabytes(memory[stage].peak));
  }
}

void print_picture(const Example& example, const ScheduleOptions& options) {
  const std::vector<report::Lane> lanes = training::lanes_of(example.timeline);
  const int margin = static_cast<int>(std::to_string(lanes.size() - 1).size()) + 1;
  const auto letters = report::to_text(lanes, report::Glyphs::letters, 80 - margin);
  const auto labels = report::to_text(lanes, report::Glyphs::labels, 80 - margin);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::string number = std::to_string(i);
    const std::string indent(margin - number.size(), ' ');
    std::cout << number << indent << letters[i] << '\n';
    if (options.has_numbers) std::cout << std::string(margin, ' ') << labels[i] << '\n';
  }
}

}  // namespace

void show(const ScheduleOptions& options) {
  const Example example = example_of(options);
  const Timeline& timeline = example.timeline;
  const int stages = static_cast<int>(timeline.stages.size());
  const std::string title =
      concat(example.name, ": ", setting_of(timeline.stages.size(), example.plan.microbatches));
  if (!options.svg.empty())
    nn::write_file_atomically(options.svg,
                              report::to_svg(training::lanes_of(timeline), title,
                                             options.stage_costs.empty() ? "ticks" : "time"));
  if (!options.csv.empty()) nn::write_file_atomically(options.csv, to_csv(example.plan));
  std::cout << title << '\n' << example.description << "\n\n";
  print_picture(example, options);
  report::Table table{"", {"Stage", "Idle", "Idle %", "Peak activations"}, {}};
  for (int stage = 0; stage < stages; ++stage)
    table.rows.push_back({concat(stage), idle(timeline, stage),
                          percent(timeline.idle(stage) / timeline.length), peak(example, stage)});
  add_memory(table, example, memory_of_run(options));
  std::cout << '\n'
            << report::to_text(table) << "Length " << timeline.length << ", "
            << percent(timeline.idle_share()) << " % idle, " << speed_up(timeline)
            << " times the speed of one process at most\n";
}

void compare(const ScheduleOptions& options) {
  report::Table table{
      "", {"Schedule", "Length", "Idle %", "Speed-up", "Peak activations by stage"}, {}};
  for (const ScheduleEntry& schedule : schedule_table()) {
    const Example example = example_of(schedule, options);
    const Timeline& timeline = example.timeline;
    table.caption = setting_of(timeline.stages.size(), example.plan.microbatches);
    std::string peaks;
    for (std::size_t stage = 0; stage < timeline.stages.size(); ++stage)
      peaks += concat(stage > 0 ? " " : "", peak(example, static_cast<int>(stage)));
    table.rows.push_back({example.name, concat(timeline.length), percent(timeline.idle_share()),
                          speed_up(timeline), peaks});
  }
  std::cout << report::to_text(table);
}

}  // namespace show_schedule
