#include "tools/federated/sweep_report.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <ranges>
#include <set>

#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/federated/results.h"
#include "tools/report/html.h"
#include "tools/report/text.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

using Cells = std::map<std::string, std::string>;  // cells by column

struct RunRows {
  const SweepRun* run;
  std::vector<Cells> rounds;

  // By round, of those that were tested.
  std::map<int, double> accuracies() const {
    std::map<int, double> values;
    for (const Cells& row : rounds)
      if (const std::string& cell = row.at("Test accuracy"); !cell.empty())
        values[std::stoi(row.at("Round"))] = std::strtod(cell.c_str(), nullptr);
    return values;
  }
};

// The columns in the order in which tables name them first.
std::vector<RunRows> read_runs(const Sweep& sweep, std::vector<std::string>& columns) {
  std::vector<RunRows> all;
  for (const SweepRun& run : sweep.runs) {
    const fs::path file = sweep.out / "runs" / run.name() / run_table;
    if (!fs::exists(file)) continue;
    const std::vector<nn::CsvRecord> records = nn::read_csv(file);
    const std::vector<std::string>& header = records.front().cells;
    for (const std::string& column : header)
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    RunRows& rows = all.emplace_back(RunRows{&run, {}});
    for (std::size_t i = 1; i < records.size(); ++i) {
      Cells& row = rows.rounds.emplace_back();
      for (std::size_t c = 0; c < header.size(); ++c) row[header[c]] = records[i].cells[c];
    }
    if (rows.accuracies().empty()) all.pop_back();
  }
  return all;
}

std::string table_of(const std::vector<RunRows>& runs, const std::vector<std::string>& columns) {
  std::string text = "Run";
  for (const std::string& column : columns) text += ',' + nn::csv_cell(column);
  text += '\n';
  for (const auto& [run, rounds] : runs)
    for (const Cells& row : rounds) {
      text += nn::csv_cell(run->name());
      for (const std::string& column : columns) {
        const auto found = row.find(column);
        text += ',' + (found == row.end() ? "" : nn::csv_cell(found->second));
      }
      text += '\n';
    }
  return text;
}

// Mean and sample standard deviation, which is 0 of one value.
struct Moments {
  explicit Moments(const std::vector<double>& values) {
    for (double value : values) mean += value / static_cast<double>(values.size());
    for (double value : values) deviation += (value - mean) * (value - mean);
    if (values.size() > 1)
      deviation = std::sqrt(deviation / static_cast<double>(values.size() - 1));
    else
      deviation = 0;
  }
  double mean = 0, deviation = 0;
};

// What the seeds of a configuration have in common.
struct Group {
  std::vector<const RunRows*> runs;

  // Over the runs: of the last round, and of the best one.
  Moments last() const {
    std::vector<double> values;
    for (const RunRows* run : runs) values.push_back(run->accuracies().rbegin()->second);
    return Moments(values);
  }
  Moments best() const {
    std::vector<double> values;
    for (const RunRows* run : runs)
      values.push_back(std::ranges::max(run->accuracies() | std::views::values));
    return Moments(values);
  }
};

report::Series series_of(const std::string& name, const Group& group) {
  report::Series series{name, {}, {}};
  std::map<int, std::vector<double>> tests;
  for (const RunRows* run : group.runs)
    for (const auto& [round, accuracy] : run->accuracies()) tests[round].push_back(accuracy);
  for (const auto& [round, values] : tests) {
    if (values.size() < group.runs.size()) continue;  // a run has not come so far
    const Moments moments(values);
    series.x.push_back(round);
    series.y.push_back(moments.mean);
    series.spread.push_back(moments.deviation);
  }
  return series;
}

}  // namespace

void write_sweep_report(const Sweep& sweep) {
  std::vector<std::string> columns, order;
  const std::vector<RunRows> runs = read_runs(sweep, columns);
  std::map<std::string, Group> groups;
  for (const RunRows& run : runs) {
    const std::string name = run.run->configuration();
    if (!groups.contains(name)) order.push_back(name);
    groups[name].runs.push_back(&run);
  }
  report::Table table{"Test accuracy in percent: mean and standard deviation over the seeds",
                      {"Configuration", "Runs", "Last round", "±", "Best round", "±"},
                      {}};
  report::LinePlot plot{
      "sweep", "Mean over the seeds, and one standard deviation", "Round", "Test accuracy", {}};
  std::string summary;
  for (const auto& [option, value] : sweep.runs.front().varied)
    if (option != "seed") summary += nn::csv_cell(option) + ',';
  summary += "Runs,Last accuracy,Last deviation,Best accuracy,Best deviation\n";
  for (const std::string& name : order) {
    const Group& group = groups.at(name);
    const Moments last = group.last(), best = group.best();
    table.rows.push_back({name, std::to_string(group.runs.size()), percent(last.mean),
                          percent(last.deviation), percent(best.mean), percent(best.deviation)});
    for (const auto& [option, value] : group.runs.front()->run->varied)
      if (option != "seed") summary += nn::csv_cell(value) + ',';
    summary += nn::concat(group.runs.size(), ',', number(last.mean), ',', number(last.deviation),
                          ',', number(best.mean), ',', number(best.deviation), '\n');
    plot.series.push_back(series_of(name, group));
  }
  nn::write_file_atomically(sweep.out / "results.csv", table_of(runs, columns));
  nn::write_file_atomically(sweep.out / "summary.csv", summary);
  const report::Document document{"A sweep of federated runs", {table, plot}};
  nn::write_file_atomically(sweep.out / "report.html", report::to_html(document));
  std::cout << report::to_text(report::Document{"", {table}}, false);
}

}  // namespace federated
