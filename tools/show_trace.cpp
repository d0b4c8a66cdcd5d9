// bin/show_trace FOLDER: what the ranks of a traced run did, as a picture in the terminal above the
// predicted one, as timeline.svg, and as trace.json for Chrome (chrome://tracing) and Perfetto.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/report/axis.h"
#include "tools/report/timeline.h"
#include "tools/training/lanes.h"
#include "tools/training/trace_files.h"

namespace {

namespace fs = std::filesystem;
using training::RankEvent;

struct Step {
  double start = 1e300, end = 0;
  double length() const { return end - start; }
};

std::vector<RankEvent> read_ranks(const fs::path& folder) {
  std::vector<RankEvent> events;
  for (int rank = 0;; ++rank) {
    const fs::path file = folder / nn::concat("trace-rank-", rank, ".csv");
    if (!fs::exists(file)) break;
    const std::vector<RankEvent> more = training::read_trace(file);
    events.insert(events.end(), more.begin(), more.end());
  }
  if (events.empty())
    throw nn::InputError(nn::concat("there is no trace in ", folder.string()),
                         "record one with tools/pipeline.sh 3 --steps 10 --trace");
  return events;
}

std::map<int, Step> steps_of(const std::vector<RankEvent>& events) {
  std::map<int, Step> steps;
  for (const auto& [rank, event] : events) {
    Step& step = steps[event.step];
    step.start = std::min(step.start, event.start);
    step.end = std::max(step.end, event.end);
  }
  return steps;
}

// The step of median length, excluding the first, which warms up.
int typical_step(const std::map<int, Step>& steps) {
  std::vector<int> numbers;
  for (const auto& [number, step] : steps) numbers.push_back(number);
  if (numbers.size() > 1) numbers.erase(numbers.begin());
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::ranges::nth_element(numbers, middle, {}, [&](int n) { return steps.at(n).length(); });
  return *middle;
}

void print_lanes(const std::string& title, const std::vector<report::Lane>& lanes,
                 const std::vector<double>& idle, double length) {
  std::cout << title << '\n';
  const auto lines = report::to_text(lanes, report::Glyphs::letters, 60, length);
  for (std::size_t i = 0; i < lines.size(); ++i)
    std::cout << "  " << std::left << std::setw(8) << lanes[i].name << std::setw(60) << lines[i]
              << std::right << std::setw(5) << std::lround(100 * idle[i]) << " %\n";
}

std::vector<double> idle_shares(const std::vector<RankEvent>& events, std::size_t ranks,
                                const Step& step) {
  std::vector<double> shares;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    shares.push_back(1 -
                     training::busy_seconds(events, static_cast<int>(rank), step.start, step.end) /
                         step.length());
  return shares;
}

int run_command(int argc, char** argv) {
  fs::path folder = "out/pipeline";
  tools::Options options("show_trace", "Shows the timeline of a traced training run.");
  options.add("folder", folder, "folder of the run");
  options.parse(argc, argv);

  const std::vector<RankEvent> events = read_ranks(folder);
  const std::map<int, Step> steps = steps_of(events);
  const int number = typical_step(steps);
  const Step& step = steps.at(number);
  const auto lanes = training::lanes_between(events, step.start, step.end);
  const std::vector<RankEvent> predicted = training::read_trace(folder / "trace-predicted.csv");
  const std::map<int, Step> predicted_steps = steps_of(predicted);
  if (predicted_steps.empty())
    throw nn::InputError("trace-predicted.csv is empty", "record a trace of at least one step");
  const Step predicted_step = predicted_steps.begin()->second;
  const auto predicted_lanes = training::lanes_between(predicted, 0, predicted_step.end);

  print_lanes(nn::concat("Step ", number, " as it was, ", report::fixed(step.length(), 3),
                         " s; at the end: idle"),
              lanes, idle_shares(events, lanes.size(), step), step.length());
  print_lanes(
      nn::concat("As predicted from average costs, ", report::fixed(predicted_step.end, 3), " s"),
      predicted_lanes, idle_shares(predicted, predicted_lanes.size(), predicted_step),
      step.length());
  const bool has_scores = std::ranges::any_of(
      predicted, [](const RankEvent& each) { return each.event.kind == pipeline::Kind::scores; });
  std::cout << "F forward  B backward  W weights  " << (has_scores ? "S scores  T head  " : "")
            << "U update  R reduce  . idle\n";

  nn::write_file_atomically(folder / "timeline.svg",
                            report::to_svg(lanes, nn::concat("Step ", number), "s"));
  nn::write_file_atomically(folder / "trace.json",
                            training::to_chrome_json(events, steps.begin()->second.start));
  std::cout << "picture: " << (folder / "timeline.svg").string()
            << "; for Perfetto: " << (folder / "trace.json").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
