#include "tools/training/page.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "pipeline/cut.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"
#include "tools/report/markup.h"
#include "tools/report/timeline.h"
#include "tools/training/lanes.h"
#include "tools/training/losses.h"

namespace training {

namespace {

namespace fs = std::filesystem;
using pipeline::Costs, pipeline::TrainingConfig, report::fixed;

report::Facts facts_of(const TrainingConfig& config) {
  report::Facts facts;
  for (const auto& [name, value] : pipeline::training_terms(config)) facts.values[name] = value;
  facts.values["stages"] = std::to_string(config.topology.stages);
  facts.values["pipelines"] = std::to_string(config.topology.pipelines);
  facts.values["microbatches"] = std::to_string(config.microbatches);
  facts.values["schedule"] = config.schedule;
  facts.values["layers"] = pipeline::to_text(config.cut);
  return facts;
}

report::LinePlot loss_plot(const fs::path& out) {
  report::LinePlot plot{"loss", "Loss", "Step", "Loss", {}};
  const Losses losses = read_losses(out / "loss.csv");
  constexpr int points = 200;
  const Losses means = mean_of_every(losses, static_cast<int>(losses.steps.size()) / points + 1);
  plot.series.push_back({"training", means.steps, means.values});
  if (!fs::exists(out / "validation.csv")) return plot;
  report::Series validation{"validation", {}, {}};
  const std::vector<nn::CsvRecord> rows = nn::read_csv(out / "validation.csv");
  for (std::size_t i = 1; i < rows.size(); ++i) {
    validation.x.push_back(nn::parse_number<double>(rows[i].cells[0]).value_or(NAN));
    validation.y.push_back(nn::parse_number<double>(rows[i].cells[1]).value_or(NAN));
  }
  plot.series.push_back(validation);
  return plot;
}

double cost_of(const std::vector<Costs>& chunks) {
  double sum = 0;
  for (const Costs& cost : chunks) sum += cost.sum();
  return sum;
}

report::Table cost_table(bool has_split_head, const Speed& speed) {
  report::Table table{"A microbatch's costs in each stage, in milliseconds",
                      {"Stage", "Forward", "Backward", "Weights", "Share of all work, %"},
                      {}};
  if (has_split_head) table.header.insert(table.header.end() - 1, {"Scores", "Head"});
  double all = 0;
  for (const auto& chunks : speed.costs) all += cost_of(chunks);
  for (std::size_t stage = 0; stage < speed.costs.size(); ++stage) {
    Costs sum{0, 0, 0};
    for (const Costs& cost : speed.costs[stage])
      sum = {sum.forward + cost.forward, sum.backward + cost.backward, sum.weights + cost.weights,
             sum.scores + cost.scores, sum.head + cost.head};
    auto& row = table.rows.emplace_back();
    row = {std::to_string(stage), fixed(1e3 * sum.forward, 2), fixed(1e3 * sum.backward, 2),
           fixed(1e3 * sum.weights, 2)};
    if (has_split_head)
      row.insert(row.end(), {fixed(1e3 * sum.scores, 2), fixed(1e3 * sum.head, 2)});
    row.push_back(fixed(100 * cost_of(speed.costs[stage]) / all, 1));
  }
  return table;
}

// B1: what the stages gain, and what keeps them from more.
std::string answer_b1(const TrainingConfig& config, const Speed& speed) {
  std::vector<double> stages;
  for (const auto& chunks : speed.costs) stages.push_back(cost_of(chunks));
  const auto slowest = std::ranges::max_element(stages);
  double all = 0;
  for (const double stage : stages) all += stage;
  const double allowed = speed.work / speed.allowed.length,
               reached = speed.work / speed.seconds_per_step;
  std::string text =
      config.microbatches == 1
          ? std::string("A batch is one microbatch, so the stages work one after the other. ")
          : nn::concat("A batch of a pipeline is cut into ", config.microbatches,
                       " microbatches, so that stages work on different ones at the same time. ");
  text += nn::concat(
      "Messages are sent without waiting, and every stage follows its list of actions from `",
      config.schedule,
      "`, which was checked for deadlocks before the run. The loss of a microbatch counts by its "
      "share of the batch, so the gradient is that of the whole batch.\n\nOne rank would need ",
      fixed(speed.work, 3), " s for a step; this cut and schedule allow ",
      fixed(speed.allowed.length, 3), " s on ", speed.cores, speed.cores == 1 ? " core" : " cores",
      ", a speed-up of **", fixed(allowed, 2), "**. A step took ", fixed(speed.seconds_per_step, 3),
      " s, a speed-up of **", fixed(reached, 2),
      "**. With messages, averages and updates the prediction is ",
      fixed(speed.predicted.length, 3), " s.");
  if (speed.cores < config.topology.ranks())
    return text + nn::concat("\n\nThe ", config.topology.ranks(), " ranks share ", speed.cores,
                             speed.cores == 1 ? " core" : " cores", ", which is the limit here.");
  const double most = all / *slowest;
  const double idle = 100 * speed.allowed.idle_share();
  if (most < 0.9 * static_cast<double>(stages.size()))
    text +=
        nn::concat("\n\nStage ", slowest - stages.begin(), " has ", fixed(100 * *slowest / all, 0),
                   " % of the work, so no schedule of this cut gains more than ", fixed(most, 2),
                   " times per pipeline. `--layers auto` looks for a better cut",
                   config.splits_head ? "." : ", and `--split-head` splits the head.");
  else if (idle >= 5)
    text += nn::concat(
        "\n\nThe stages have nearly equal work, but in the predicted step they are "
        "idle for ",
        fixed(idle, 0),
        " % of the time: some have no work at its beginning and end. More microbatches make that "
        "share smaller.");
  return text;
}

// B2: what the replicas exchange.
std::string answer_b2(const TrainingConfig& config) {
  const auto& [stages, pipelines] = config.topology;
  std::string groups;
  for (int stage = 0; stage < stages; ++stage) {
    groups += stage == 0 ? "{" : ", {";
    for (int pipeline = 0; pipeline < pipelines; ++pipeline)
      groups += nn::concat(pipeline == 0 ? "" : ", ", config.topology.rank(pipeline, stage));
    groups += "}";
  }
  return nn::concat(
      "The ", pipelines,
      " pipelines are replicas that train on different parts of each batch. "
      "Ranks with the same layers average their gradients: ",
      groups, ". In each group a ring passes them on, and a rank sends ",
      fixed(2.0 * (pipelines - 1) / pipelines, 2),
      " times its gradients. Averaging other ranks, or the last microbatch alone, would make the "
      "replicas drift apart.");
}

}  // namespace

void write_page(const RankOptions& options, const Speed& speed) {
  const TrainingConfig& config = options.config;
  report::Document page{"Training of a language model", {facts_of(config)}};
  page.blocks.emplace_back(loss_plot(options.out));
  page.blocks.emplace_back(cost_table(config.splits_head, speed));
  if (config.topology.stages > 1)
    page.blocks.emplace_back(
        report::Question{"B1: what do stages and microbatches gain, and what limits them?",
                         answer_b1(config, speed)});
  if (config.topology.pipelines > 1)
    page.blocks.emplace_back(
        report::Question{"B2: what do several pipelines exchange?", answer_b2(config)});
  std::string rest = report::element(
      "div class=\"wide\"",
      report::to_svg(lanes_of(speed.predicted), "A step as these costs predict it", "s"));
  if (const fs::path samples = options.out / "samples.txt"; fs::exists(samples))
    rest += report::element("h2", "Stories along the way") +
            report::element("pre style=\"white-space: pre-wrap\"",
                            report::escape_xml(nn::read_file(samples)));
  std::string html = report::to_html(page);
  html.insert(html.rfind("</body>"), rest + '\n');
  nn::write_file_atomically(options.out / "report.html", html);
}

}  // namespace training
