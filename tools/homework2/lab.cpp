#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "tools/federated/results.h"
#include "tools/homework2/generative.h"
#include "tools/homework2/split.h"
#include "tools/report/axis.h"

namespace homework2 {

namespace {

using federated::percent;
using fl::vertical::Quirks;

struct Variant {
  const char* name;
  Quirks quirks;
};
constexpr Quirks lab = Quirks::of_the_lab();
constexpr std::array<Variant, 6> variants{{
    {"as in the lab", lab},
    {"gradients zeroed for each batch", {false, lab.drops_scores, lab.drops_in_testing}},
    {"scores without dropout", {lab.accumulates, false, lab.drops_in_testing}},
    {"no dropout in the test", {lab.accumulates, lab.drops_scores, false}},
    {"without the quirks", {}},
    {"as published", Quirks::as_published()},
}};

// What PyTorch 2.13 and the notebook print with seed 42: accuracy and loss.
struct Printed {
  int epoch;
  double accuracy, loss, published_accuracy, published_loss;
};
constexpr std::array<Printed, 7> printed{{{0, 52.38, 0.689, 52.38, 0.689},
                                          {1, 54.32, 0.671, 53.11, 0.678},
                                          {2, 81.49, 0.595, 73.81, 0.643},
                                          {3, 80.63, 0.479, 66.87, 0.596},
                                          {4, 71.50, 0.598, 59.20, 0.681},
                                          {5, 83.07, 0.499, 68.57, 0.603},
                                          {299, 96.71, 0.076, 89.77, 0.225}}};

// `run` is the lab's, `published` has the clients' models as they were drawn.
report::Table first_epochs(const Curve& run, const Curve& published) {
  report::Table table{"Accuracy in percent / loss; PyTorch's and the published with seed 42",
                      {"Epoch", "Here", "PyTorch 2.13", "Here, as published", "Published"},
                      {}};
  const auto cell = [](double accuracy, double loss) {
    return percent(accuracy) + " / " + report::fixed(loss, 3);
  };
  for (const Printed& each : printed)
    if (static_cast<std::size_t>(each.epoch) < run.loss.size())
      table.rows.push_back({std::to_string(each.epoch),
                            cell(run.accuracy[each.epoch], run.loss[each.epoch]),
                            cell(each.accuracy, each.loss),
                            cell(published.accuracy[each.epoch], published.loss[each.epoch]),
                            cell(each.published_accuracy, each.published_loss)});
  return table;
}

// Sum of the rises of the loss from epoch to epoch: how unsteady training is.
double rises(const Curve& run) {
  double sum = 0;
  for (std::size_t i = 1; i < run.loss.size(); ++i)
    sum += std::max(0.0, run.loss[i] - run.loss[i - 1]);
  return sum;
}

std::string compared(const Curve& without, const Curve& run) {
  const double gain = without.measures.at(test_accuracy) - run.measures.at(test_accuracy);
  const std::string difference = percent(std::abs(gain));
  return nn::concat(percent(without.measures.at(test_accuracy)), " %, ",
                    difference == "0.00"
                        ? "no different"
                        : nn::concat(difference, " points ", gain < 0 ? "lower" : "higher"));
}

}  // namespace

std::vector<Curve> run_lab(const ExerciseContext& context) {
  const data::Table table = scaled(context.table);
  const auto shares = fl::vertical::deal_in_order(table.features, 4);
  std::vector<Curve> curves;
  for (const Variant& each : variants)
    curves.push_back(run_split(context, each.name, table, shares, each.quirks));
  for (Curve& curve : run_generative(context)) curves.push_back(std::move(curve));
  return curves;
}

report::Document write_lab(std::span<const Curve> curves) {
  const Curve& run = named(curves, variants[0].name);
  const Curve &steps = named(curves, variants[1].name), &scores = named(curves, variants[2].name),
              &test = named(curves, variants[3].name), &plain = named(curves, variants[4].name),
              &published = named(curves, variants[5].name);
  report::Document out{"Lab 2: split learning and a tabular VAE", {}};
  out.blocks.emplace_back(report::Paragraph{
      "Four clients hold 3, 3, 3 and 4 of the thirteen features of the same patients. Each runs a "
      "bottom model over its own columns and sends the activations; the server, which has the "
      "labels, runs the top model and returns the gradients. No column leaves its client."});
  out.blocks.emplace_back(first_epochs(run, published));
  add_losses("lab", "plot1", "Split learning, with and without the lab's quirks",
             curves.first(variants.size()), out);
  add_table("After the last epoch, in percent", curves.first(variants.size()), out);
  out.blocks.emplace_back(report::Question{
      "What do the notebook's quirks cost?",
      nn::concat("The notebook's run is right for ", percent(run.measures.at(test_accuracy)),
                 " % of the rows that test.\n\n**Gradients are zeroed once an epoch**, so the "
                 "thirteenth batch steps along the sum of thirteen gradients, most of them old. "
                 "The rises of the loss from epoch to epoch add up to ",
                 report::fixed(rises(run), 2), "; when they are zeroed for each batch, to ",
                 report::fixed(rises(steps), 2), ". Test accuracy is then ", compared(steps, run),
                 ".\n\n**Dropout on the scores** sets a class's score to 0 in a tenth of all "
                 "cases, whatever the network found. Without it, test accuracy is ",
                 compared(scores, run),
                 ".\n\n**Dropout stays on in the test**, which adds noise to a model that is "
                 "finished. The same weights tested without it: ",
                 compared(test, run), ".\n\nWithout all three: ", compared(plain, run), ".")});
  out.blocks.emplace_back(report::Question{
      "What did the published run train?",
      nn::concat(
          "The top model alone. The notebook has the clients' models in a Python list, where "
          "PyTorch finds no parameters, so its optimizer leaves them as they were drawn. With "
          "that, test accuracy here is ",
          compared(published, run), " (published: 87.75 %, with seed 42).")});
  out.blocks.emplace_back(report::Question{
      "Are these patients new to the model?",
      "No. The file repeats 302 patients in 1,025 rows, so most rows that test are copies of rows "
      "that train. Test accuracy here measures memory as much as prediction."});
  write_generative(curves, out);
  return out;
}

}  // namespace homework2
