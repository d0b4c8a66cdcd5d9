#include "tools/homework2/exercises.h"

#include <array>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/base/named_row.h"
#include "tools/federated/results.h"
#include "tools/report/axis.h"

namespace homework2 {

Curve ExerciseContext::keep_one(const std::string& name, const std::function<Curve()>& make) const {
  return keep({&name, 1}, [&] { return std::vector{make()}; }).front();
}

std::span<const Exercise> exercises() {
  static constexpr std::array table{
      Exercise{"lab", "split learning beside the published figures, and a tabular VAE", run_lab,
               write_lab},
      Exercise{"ex1", "three permutations of the features over four clients", run_ex1, write_ex1},
      Exercise{"ex2", "more clients, and how features are dealt out", run_ex2, write_ex2},
      Exercise{"ex3", "clients' encoders, the server's VAE, clients' decoders", run_ex3, write_ex3},
  };
  return table;
}

const Curve& named(std::span<const Curve> curves, std::string_view name) {
  if (const Curve* curve = nn::find_row(curves, name)) return *curve;
  throw nn::InputError(nn::concat("there is no curve ", name), "run the exercise again");
}

void add_losses(std::string_view exercise, const char* file, const char* title,
                std::span<const Curve> curves, report::Document& document) {
  report::LinePlot plot{file, title, "Epoch", "Loss", {}};
  std::string list;
  for (const Curve& curve : curves) {
    list += (list.empty() ? "" : ",\n          ") + nn::json_quote(curve.name);
    report::Series& series = plot.series.emplace_back(report::Series{curve.name, {}, curve.loss});
    for (std::size_t i = 0; i < curve.loss.size(); ++i) series.x.push_back(static_cast<double>(i));
  }
  document.blocks.emplace_back(report::Heading{title, 3});
  document.blocks.emplace_back(report::Code{nn::concat(
      "import pandas as pd\nimport seaborn as sns\n\nresults = pd.read_csv(\"", exercise,
      "/results.csv\")\ncurves = [", list,
      "]\nchosen = results[results[\"Curve\"].isin(curves)]\n"
      "sns.lineplot(chosen, x=\"Epoch\", y=\"Loss\", hue=\"Curve\", hue_order=curves)")});
  document.blocks.emplace_back(plot);
}

void add_table(const char* caption, std::span<const Curve> curves, report::Document& document) {
  report::Table table{caption, {"Run", "Last loss", "Last train accuracy"}, {}};
  for (const auto& [name, value] : curves.front().measures) table.header.push_back(name);
  for (const Curve& curve : curves) {
    auto& row = table.rows.emplace_back();
    row = {curve.name, report::fixed(curve.loss.back(), 3),
           curve.accuracy.empty() ? "" : federated::percent(curve.accuracy.back())};
    for (const auto& [name, value] : curves.front().measures)
      row.push_back(curve.measures.contains(name) ? federated::percent(curve.measures.at(name))
                                                  : "");
  }
  document.blocks.emplace_back(table);
}

}  // namespace homework2
