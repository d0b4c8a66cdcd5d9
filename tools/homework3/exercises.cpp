#include "tools/homework3/exercises.h"

#include <array>
#include <cmath>
#include <limits>

#include "nn/base/json.h"

namespace homework {

const Homework& homework_3() {
  static constexpr std::array table{
      Exercise{"lab", lab_curves, lab_report, "hw3"},
      Exercise{"q1", q1_curves, q1_report, "hw3"},
      Exercise{"q2", q2_curves, q2_report, "hw3"},
      Exercise{"q3", q3_curves, q3_report, "hw3"},
  };
  static constexpr Homework homework{"Homework 3: attacks and defences", "homework-3", table};
  return homework;
}

Experiment lab_experiment(const Setting& setting, const char* attack, const char* defence,
                          const fl::OptionValues& options) {
  Experiment e = setting.experiment("fedavg", 10);
  e.fraction = 0.2;
  e.training.batch = 200;
  e.training.epochs = 2;
  e.training.learning_rate = 0.02;
  e.attack = attack;
  if (e.attack_entry()) e.malicious.share = 0.2;
  e.defence = defence;
  e.options = options;
  return e;
}

double last_measure(const Run& run, std::string_view name) {
  const auto& measures = run.rounds.back().measures;
  const auto found = measures.find(std::string(name));
  return found == measures.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

void add_curves(std::string_view exercise, const char* file, const char* title,
                std::span<const Run> runs, std::span<const std::string> names,
                report::Document& document) {
  document.blocks.emplace_back(report::Heading{title, 3});
  document.blocks.emplace_back(plotting_code(exercise, names));
  document.blocks.emplace_back(accuracy_plot(file, title, runs, names));
  document.blocks.emplace_back(accuracy_table(title, runs, names));
}

void add_confusion(std::string_view exercise, const char* file, const Run& run,
                   const std::string& name, report::Document& document) {
  if (run.confusion.empty()) return;
  const int classes = static_cast<int>(std::lround(std::sqrt(run.confusion.size())));
  const std::string title = name + ": test images with the pattern";
  document.blocks.emplace_back(report::Code{nn::concat(
      "import json\n\nimport numpy as np\nimport seaborn as sns\n\nruns = json.load(open(\"",
      exercise, "/results.json\"))[\"runs\"]\nrun = next(run for run in runs if run[\"curve\"] == ",
      nn::json_quote(name), ")\nsns.heatmap(np.reshape(run[\"confusion\"], (", classes, ", ",
      classes, ")), annot=True, fmt=\"d\", cmap=\"Blues\")")});
  document.blocks.emplace_back(report::ConfusionMatrix{file, title, classes, run.confusion});
}

}  // namespace homework
