#include "tools/federated/sweep_results.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ranges>

#include "nn/base/csv.h"
#include "nn/base/file.h"
#include "tools/federated/target.h"

namespace federated {

std::vector<double> RunRows::accuracies() const {
  std::vector<double> values;
  for (const Cells& row : rounds) {
    const std::string& cell = row.at("Test accuracy");
    values.push_back(cell.empty() ? NAN : std::strtod(cell.c_str(), nullptr));
  }
  return values;
}

std::map<int, double> RunRows::tests() const {
  std::map<int, double> tests;
  const std::vector<double> all = accuracies();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!std::isnan(all[i])) tests[static_cast<int>(i) + 1] = all[i];
  return tests;
}

SweepResults results_of(const Sweep& sweep) {
  SweepResults results;
  auto& [columns, runs] = results;
  for (const SweepRun& run : sweep.runs) {
    const std::filesystem::path folder = sweep.folder_of(run), file = folder / run_table;
    if (!std::filesystem::exists(file)) continue;
    const std::vector<nn::CsvRecord> records = nn::read_csv(file);
    const std::vector<std::string>& header = records.front().cells;
    for (const std::string& column : header)
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    const bool has_diverged =
        std::filesystem::exists(folder / done_file) && !nn::read_file(folder / done_file).empty();
    RunRows& rows = runs.emplace_back(RunRows{&run, {}, has_diverged});
    for (std::size_t i = 1; i < records.size(); ++i) {
      Cells& row = rows.rounds.emplace_back();
      for (std::size_t c = 0; c < header.size(); ++c) row[header[c]] = records[i].cells[c];
    }
    if (rows.tests().empty()) runs.pop_back();
  }
  return results;
}

namespace {

// What `get` finds in the JSON beside a run's table.
template <class Value>
std::optional<Value> find_in(const std::filesystem::path& folder,
                             Value (*get)(const nlohmann::json& run)) {
  const std::filesystem::path file = folder / nn::concat(run_table, ".json");
  if (!std::filesystem::exists(file)) return {};
  try {
    return get(nlohmann::json::parse(nn::read_file(file)));
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace

std::optional<double> seconds_of(const std::filesystem::path& folder) {
  return find_in<double>(folder, [](const nlohmann::json& run) -> double {
    const nlohmann::json& rounds = run.at("rounds");
    return rounds.at(rounds.size() - 1).at("seconds");
  });
}

std::optional<std::vector<int>> confusion_of(const std::filesystem::path& folder) {
  using Counts = std::vector<int>;
  return find_in<Counts>(folder,
                         [](const nlohmann::json& run) -> Counts { return run.at("confusion"); });
}

Moments::Moments(const std::vector<double>& values) {
  for (double value : values) mean += value / static_cast<double>(values.size());
  for (double value : values) deviation += (value - mean) * (value - mean);
  deviation = values.size() > 1 ? std::sqrt(deviation / static_cast<double>(values.size() - 1)) : 0;
}

Moments Group::last() const {
  std::vector<double> values;
  for (const RunRows* run : runs) values.push_back(run->tests().rbegin()->second);
  return Moments(values);
}

Moments Group::best() const {
  std::vector<double> values;
  for (const RunRows* run : runs)
    values.push_back(std::ranges::max(run->tests() | std::views::values));
  return Moments(values);
}

std::ptrdiff_t Group::diverged() const {
  return std::ranges::count_if(runs, [](const RunRows* run) { return run->has_diverged; });
}

std::vector<double> Group::at_target(const std::string& column) const {
  std::vector<double> values;
  for (const RunRows* run : runs) {
    const auto target = run->run->target();
    const auto round = target ? rounds_to(*target, run->accuracies()) : std::nullopt;
    if (!round) continue;
    const Cells& row = run->rounds[*round - 1];
    if (const auto cell = row.find(column); cell != row.end())
      values.push_back(std::strtod(cell->second.c_str(), nullptr));
  }
  return values;
}

Groups groups_of(const std::vector<RunRows>& runs) {
  Groups groups;
  for (const RunRows& run : runs) {
    const std::string name = run.run->configuration();
    auto found = std::ranges::find(groups, name, &Groups::value_type::first);
    if (found == groups.end()) found = groups.insert(groups.end(), {name, {}});
    found->second.runs.push_back(&run);
  }
  return groups;
}

}  // namespace federated
