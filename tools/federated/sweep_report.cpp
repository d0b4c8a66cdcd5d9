#include "tools/federated/sweep_report.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

#include "fl/evaluation/evaluation.h"
#include "fl/server.h"
#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/federated/losses.h"
#include "tools/federated/results.h"
#include "tools/federated/sweep_pictures.h"
#include "tools/federated/sweep_results.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"

namespace federated {

namespace {

std::string table_of(const std::vector<RunRows>& runs, const std::vector<std::string>& columns) {
  std::string text = "Run";
  for (const std::string& column : columns) text += ',' + nn::csv_cell(column);
  text += '\n';
  for (const auto& [run, rounds, has_diverged] : runs)
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

bool has_times(const Groups& groups) {
  return std::ranges::any_of(groups, [](const auto& group) {
    return !group.second.at_target(fl::simulated_seconds).empty();
  });
}

// How soon the target is reached, by those that reach it.
report::Table target_table(const Groups& groups) {
  report::Table table{"Until the target: mean and standard deviation of the runs that reach it",
                      {"Configuration", "Target", "Reached", "Rounds", "±"},
                      {}};
  const bool is_timed = has_times(groups);
  if (is_timed) table.header.insert(table.header.end(), {fl::simulated_seconds, "±"});
  for (const auto& [name, group] : groups) {
    const auto target = group.runs.front()->run->target();
    if (!target) continue;
    auto& row = table.rows.emplace_back();
    row = {name, number(*target),
           nn::concat(group.at_target("Round").size(), " of ", group.runs.size())};
    const auto add = [&row](const std::vector<double>& values, const char* otherwise) {
      const Moments moments(values);
      row.push_back(values.empty() ? otherwise : percent(moments.mean));
      row.push_back(values.empty() ? "" : percent(moments.deviation));
    };
    add(group.at_target("Round"), "not reached");
    if (is_timed) add(group.at_target(fl::simulated_seconds), "");
  }
  return table;
}

// Mean and deviation, of the summary; two empty cells without a value.
std::string cells_of(const std::vector<double>& values) {
  const Moments moments(values);
  return values.empty() ? "," : nn::concat(number(moments.mean), ',', number(moments.deviation));
}

bool is_of_class(const std::string& column) { return column.starts_with(fl::class_prefix); }

// What else was measured: the columns after Excluded, but for Selected, which has lists.
std::vector<std::string> measures_in(const std::vector<std::string>& columns) {
  std::vector<std::string> measures(std::ranges::find(columns, "Excluded"), columns.end());
  std::erase_if(measures, [](const std::string& column) {
    return column == "Excluded" || column == "Selected" || is_of_class(column);
  });
  return measures;
}

std::vector<std::string> classes_in(std::vector<std::string> columns) {
  std::erase_if(columns, std::not_fn(is_of_class));
  return columns;
}

std::string measure_text(const std::string& column, double value) {
  if (column.ends_with("loss")) return loss_text(value);
  return column.starts_with("Bytes") ? report::fixed(value, 0) : percent(value);
}

// The means over the seeds.
report::Table last_table(const std::string& caption, const Groups& groups,
                         const std::vector<std::string>& columns) {
  report::Table table{
      caption + " after the last round: mean over the seeds", {"Configuration"}, {}};
  table.header.insert(table.header.end(), columns.begin(), columns.end());
  for (const auto& [name, group] : groups) {
    auto& row = table.rows.emplace_back(1, name);
    for (const std::string& column : columns) {
      std::vector<double> values;
      for (const RunRows* run : group.runs)
        if (const auto cell = run->rounds.back().find(column);
            cell != run->rounds.back().end() && !cell->second.empty())
          values.push_back(std::strtod(cell->second.c_str(), nullptr));
      row.push_back(values.empty() ? "" : measure_text(column, Moments(values).mean));
    }
  }
  return table;
}

report::Series series_of(const std::string& name, const Group& group) {
  report::Series series{name, {}, {}};
  std::map<int, std::vector<double>> tests;
  for (const RunRows* run : group.runs)
    for (const auto& [round, accuracy] : run->tests()) tests[round].push_back(accuracy);
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
  const auto [columns, runs] = results_of(sweep);
  const Groups groups = groups_of(runs);
  report::Table table{"Test accuracy in percent: mean and standard deviation over the seeds",
                      {"Configuration", "Runs", "Last round", "±", "Best round", "±"},
                      {}};
  report::LinePlot plot{
      "sweep", "Mean over the seeds, and one standard deviation", "Round", "Test accuracy", {}};
  std::string summary;
  for (const auto& [option, value] : sweep.runs.front().varied)
    if (option != "seed") summary += nn::csv_cell(option) + ',';
  const report::Table targets = target_table(groups);
  const bool has_target = !targets.rows.empty(), is_timed = has_times(groups);
  const bool have_diverged = std::ranges::any_of(runs, &RunRows::has_diverged);
  if (have_diverged) table.header.emplace_back("Diverged");
  summary += nn::concat("Runs,Last accuracy,Last deviation,Best accuracy,Best deviation",
                        has_target ? ",Reached,Rounds to target,Rounds deviation" : "",
                        is_timed ? ",Seconds to target,Seconds deviation" : "",
                        have_diverged ? ",Diverged" : "", '\n');
  for (const auto& [name, group] : groups) {
    const Moments last = group.last(), best = group.best();
    table.rows.push_back({name, std::to_string(group.runs.size()), percent(last.mean),
                          percent(last.deviation), percent(best.mean), percent(best.deviation)});
    if (have_diverged)
      table.rows.back().push_back(nn::concat(group.diverged(), " of ", group.runs.size()));
    for (const auto& [option, value] : group.runs.front()->run->varied)
      if (option != "seed") summary += nn::csv_cell(value) + ',';
    summary += nn::concat(group.runs.size(), ',', number(last.mean), ',', number(last.deviation),
                          ',', number(best.mean), ',', number(best.deviation));
    const std::vector<double> rounds = group.at_target("Round");
    if (has_target) summary += nn::concat(',', rounds.size(), ',', cells_of(rounds));
    if (is_timed) summary += ',' + cells_of(group.at_target(fl::simulated_seconds));
    if (have_diverged) summary += nn::concat(',', group.diverged());
    summary += '\n';
    plot.series.push_back(series_of(name, group));
  }
  nn::write_file_atomically(sweep.out / "results.csv", table_of(runs, columns));
  nn::write_file_atomically(sweep.out / "summary.csv", summary);
  report::Document printed{"", {table}};
  if (has_target) printed.blocks.emplace_back(targets);
  report::Document document{"A sweep of federated runs", printed.blocks};
  document.blocks.emplace_back(plot);
  for (const auto& [caption, shown] : {std::pair("What was measured", measures_in(columns)),
                                       {"Test accuracy by class", classes_in(columns)}})
    if (!shown.empty()) document.blocks.emplace_back(last_table(caption, groups, shown));
  add_pictures(sweep, groups, document);
  nn::write_file_atomically(sweep.out / "report.html", report::to_html(document));
  if (!runs.empty()) std::cout << report::to_text(printed, false);
}

}  // namespace federated
