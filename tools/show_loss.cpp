// bin/show_loss FOLDER...: the losses of training runs as a plot in the terminal, a table that
// compares them with the first run's, and an SVG.

#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"
#include "tools/training/losses.h"

namespace {

namespace fs = std::filesystem;

struct Run {
  std::string name;
  training::Losses losses;
};

// "b1=out/pipeline" or "out/b1": a run with the name b1.
Run read_run(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  const fs::path given = argument.substr(equals == argument.npos ? 0 : equals + 1);
  const fs::path file = given.filename() == "loss.csv" ? given : given / "loss.csv";
  if (!fs::is_regular_file(file))
    throw nn::InputError(nn::concat("there are no losses in ", given.string()),
                         "give the --out folder of a run; it holds loss.csv");
  const std::string name = equals == argument.npos
                               ? fs::canonical(file).parent_path().filename().string()
                               : argument.substr(0, equals);
  return {name, training::read_losses(file)};
}

report::LinePlot plot_of(const std::vector<Run>& runs, const std::string& title, int smooth) {
  report::LinePlot plot{"loss", title, "Step", "Loss", {}};
  if (smooth > 1) plot.y_label += nn::concat(", mean of ", smooth, " steps");
  for (const auto& [name, losses] : runs) {
    const training::Losses points = training::mean_of_every(losses, smooth);
    plot.series.push_back({name, points.steps, points.values});
  }
  return plot;
}

std::string difference_to(const Run& first, const Run& run) {
  const double difference = training::largest_difference(first.losses, run.losses);
  std::ostringstream text;
  text << std::setprecision(2) << difference;
  return text.str();
}

report::Table table_of(const std::vector<Run>& runs) {
  report::Table table{
      "",
      {"Run", "Steps", "First loss", "Last loss", "Farthest from " + runs.front().name, "Tokens/s"},
      {}};
  for (const Run& run : runs)
    table.rows.push_back({run.name, nn::concat(run.losses.steps.size()),
                          report::fixed(run.losses.values.front(), 4),
                          report::fixed(run.losses.values.back(), 4),
                          &run == &runs.front() ? "" : difference_to(runs.front(), run),
                          report::fixed(run.losses.tokens_per_second, 0)});
  return table;
}

int run_command(int argc, char** argv) {
  std::vector<std::string> folders;
  std::string svg, title = "Training loss";
  int smooth = 1;
  tools::Options options("show_loss", "Draws and compares the losses of training runs.");
  options.add("runs", folders, "FOLDER or NAME=FOLDER of each run, or its loss.csv").required();
  options.add("--svg", svg, "file for an SVG drawing");
  options.add("--smooth", smooth, "steps to average per point").between(1, 1'000'000);
  options.add("--title", title, "title of the plot");
  options.parse(argc, argv);

  std::vector<Run> runs;
  for (const std::string& folder : folders) runs.push_back(read_run(folder));
  const report::LinePlot plot = plot_of(runs, title, smooth);
  if (!svg.empty()) nn::write_file_atomically(svg, report::to_svg(plot));
  std::cout << report::to_text(plot) << '\n' << report::to_text(table_of(runs));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
