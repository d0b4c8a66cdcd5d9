#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "nn/random.h"
#include "tools/federated/results.h"
#include "tools/homework2/split.h"
#include "tools/report/axis.h"

namespace homework2 {

namespace {

using federated::percent;

constexpr int permutations = 3;

// Permutation 1, 2, ...: the features shuffled by torch.randperm with a seed of their own.
fl::vertical::Shares shuffled(const data::Table& table, std::uint64_t seed) {
  std::vector<std::string> features;
  const int count = static_cast<int>(table.features.size());
  for (const int i : nn::Generator(seed).permutation(count)) features.push_back(table.features[i]);
  return fl::vertical::deal_in_order(features, 4);
}

}  // namespace

std::vector<Curve> run_ex1(const ExerciseContext& context) {
  const data::Table table = scaled(context.table);
  std::vector<Curve> curves{run_split(context, "order of the file", table,
                                      fl::vertical::deal_in_order(table.features, 4),
                                      fl::vertical::Quirks{})};
  for (int i = 1; i <= permutations; ++i) {
    const auto shares = shuffled(table, context.setting.seed + i);
    curves.push_back(
        run_split(context, nn::concat("permutation ", i), table, shares, fl::vertical::Quirks{}));
  }
  return curves;
}

report::Document write_ex1(std::span<const Curve> curves) {
  report::Document out{"Exercise 1: the order of the features", {}};
  out.blocks.emplace_back(report::Paragraph{
      "Four clients again hold 3, 3, 3 and 4 features, but others: three permutations, shuffled "
      "with the run's seed plus 1, 2 and 3. Gradients are zeroed for each batch, the scores have "
      "no dropout, and the test has none either."});
  std::string dealt;
  for (const Curve& curve : curves)
    dealt += nn::concat(dealt.empty() ? "" : "\n\n", "**", curve.name, "**: ", curve.features);
  out.blocks.emplace_back(report::Paragraph{dealt});
  add_losses("ex1", "plot1", "Three permutations of the features", curves, out);
  add_table("After the last epoch, in percent", curves, out);
  const auto by_test = [](const Curve& curve) { return curve.measures.at(test_accuracy); };
  const auto [least, most] = std::ranges::minmax_element(curves, {}, by_test);
  const auto by_loss = [](const Curve& curve) { return curve.loss.back(); };
  const auto [lowest, highest] = std::ranges::minmax_element(curves, {}, by_loss);
  const double spread = by_test(*most) - by_test(*least);
  out.blocks.emplace_back(report::Question{
      "Does it matter which client has which features?",
      nn::concat(
          spread < 3 ? "Little. " : "Here it does. ",
          spread == 0 ? nn::concat("Test accuracy is ", percent(by_test(*least)), " % every time")
                      : nn::concat("Test accuracy lies between ", percent(by_test(*least)), " % (",
                                   least->name, ") and ", percent(by_test(*most)), " % (",
                                   most->name, "), ", percent(spread), " points apart"),
          "; the last loss lies between ", report::fixed(by_loss(*lowest), 3), " and ",
          report::fixed(by_loss(*highest), 3),
          ".\n\nThe top model sees the activations of all clients, and a bottom model is as wide "
          "as twice its columns, so no column is lost whichever client has it. What the order "
          "changes is which features can interact below: age and sex multiply their effects only "
          "where one bottom model sees both, otherwise the top model has to find that. A "
          "permutation also changes the initial weights that a feature meets, as another seed "
          "would.")});
  return out;
}

}  // namespace homework2
