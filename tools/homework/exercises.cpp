#include "tools/homework/exercises.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/json.h"

namespace homework {

Experiment Setting::experiment(const char* algorithm, int default_rounds) const {
  Experiment experiment = base;
  experiment.algorithm = algorithm;
  experiment.rounds = rounds.value_or(default_rounds);
  return experiment;
}

const Homework& homework_1() {
  static constexpr std::array table{
      Exercise{"a1", a1_curves, a1_report},
      Exercise{"a2", a2_curves, a2_report},
      Exercise{"a3", a3_curves, a3_report},
  };
  static constexpr Homework homework{"Homework 1: federated learning", "homework-1", table};
  return homework;
}

std::vector<Experiment> experiments_of(const Exercise& exercise, const Setting& setting) {
  std::vector<Experiment> experiments;
  for (const Curve& curve : exercise.curves(setting)) experiments.push_back(curve.experiment);
  return experiments;
}

report::Code plotting_code(std::string_view exercise, std::span<const std::string> names,
                           int rounds, std::string_view column) {
  std::string list;
  for (const std::string& name : names)  // a JSON string is one of Python's, too
    list += (list.empty() ? "" : ",\n          ") + nn::json_quote(name);
  const std::string cut = rounds ? nn::concat(" & (results[\"Round\"] <= ", rounds, ")") : "";
  return {nn::concat("import pandas as pd\nimport seaborn as sns\n\nresults = pd.read_csv(\"",
                     exercise, "/results.csv\")\ncurves = [", list,
                     "]\nchosen = results[results[\"Curve\"].isin(curves)", cut,
                     "]\nsns.lineplot(chosen, x=\"Round\", y=\"", column,
                     "\", hue=\"Curve\", hue_order=curves)")};
}

Run first_rounds(const Run& run, int rounds) {
  Run first = run;
  first.rounds.resize(std::min<std::size_t>(rounds, run.rounds.size()));
  first.experiment.rounds = static_cast<int>(first.rounds.size());
  return first;
}

double lost_points(const Run& run) {
  double lost = 0;
  for (std::size_t i = 1; i < run.rounds.size(); ++i)
    lost += std::max(0.0, run.rounds[i - 1].accuracy - run.rounds[i].accuracy);
  return lost;
}

std::string difference(double points) {
  const std::string size = percent(std::abs(points));
  return size == "0.00" ? "no different" : size + (points > 0 ? " points higher" : " points lower");
}

std::string steps(std::span<const double> values) {
  std::string text;
  for (double value : values) text += (text.empty() ? "" : " → ") + percent(value);
  return text;
}

std::string direction(std::span<const double> values) {
  if (std::ranges::adjacent_find(values, std::greater_equal<>()) == values.end()) return "rises";
  if (std::ranges::adjacent_find(values, std::less_equal<>()) == values.end()) return "falls";
  return "neither only rises nor only falls";
}

}  // namespace homework
