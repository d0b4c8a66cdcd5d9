#include "tools/federated/losses.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/base/error.h"
#include "tools/report/axis.h"

namespace federated {

static report::Series series_of(const std::string& name, const Run& run, std::string_view loss) {
  report::Series series{name, {}, {}};
  for (const fl::Round& round : run.rounds) {
    if (!round.measures.contains(std::string(loss))) continue;
    series.x.push_back(round.number);
    series.y.push_back(measure_of(round, loss));
  }
  return series;
}

std::vector<std::string> losses_of(std::span<const Run> runs) {
  std::vector<std::string> losses;
  for (const std::string_view name : {training_loss, test_loss})
    if (std::ranges::any_of(runs, [&](const Run& run) {
          return std::ranges::any_of(run.rounds, [&](const fl::Round& round) {
            return round.measures.contains(std::string(name));
          });
        }))
      losses.emplace_back(name);
  return losses;
}

double measure_of(const fl::Round& round, std::string_view name) {
  const auto found = round.measures.find(std::string(name));
  return found == round.measures.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

std::string loss_text(double loss) { return std::isnan(loss) ? "" : report::fixed(loss, 4); }

report::LinePlot loss_plot(const std::string& file_name, const std::string& loss,
                           std::span<const Run> runs, std::span<const std::string> names) {
  report::LinePlot plot{file_name, loss, "Round", loss, {}};
  for (std::size_t i = 0; i < runs.size(); ++i)
    plot.series.push_back(series_of(names[i], runs[i], loss));
  return plot;
}

report::LinePlot loss_plot(const std::string& file_name, const Run& run) {
  report::LinePlot plot{file_name, "Losses", "Round", "Loss", {}};
  for (const std::string& loss : losses_of({&run, 1}))
    plot.series.push_back(series_of(loss, run, loss));
  return plot;
}

report::Table loss_table(std::span<const Run> runs, std::span<const std::string> names) {
  const std::vector<std::string> losses = losses_of(runs);
  report::Table table{"Losses of the last round", {"Curve"}, {}};
  table.header.insert(table.header.end(), losses.begin(), losses.end());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto& row = table.rows.emplace_back(1, names[i]);
    for (const std::string& loss : losses)
      row.push_back(loss_text(measure_of(runs[i].rounds.back(), loss)));
  }
  return table;
}

}  // namespace federated
