#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "tools/federated/results.h"
#include "tools/homework2/split.h"
#include "tools/report/axis.h"

namespace homework2 {

namespace {

using federated::percent;

constexpr std::array client_counts{2, 4, 6, 8, 13};
constexpr std::size_t per_count = 2;  // in order, and evenly

}  // namespace

std::vector<Curve> run_ex2(const ExerciseContext& context) {
  const data::Table table = scaled(context.table);
  std::vector<Curve> curves;
  for (const int clients : client_counts) {
    const auto add = [&](const char* policy, const fl::vertical::Shares& shares) {
      curves.push_back(run_split(context, nn::concat(clients, " clients, ", policy), table, shares,
                                 fl::vertical::Quirks{}));
    };
    add("in order", fl::vertical::deal_in_order(table.features, clients));
    add("evenly", fl::vertical::deal_evenly(table, clients));
  }
  return curves;
}

report::Document write_ex2(std::span<const Curve> curves) {
  report::Document out{"Exercise 2: more clients", {}};
  out.blocks.emplace_back(report::Paragraph{
      "Thirteen features are dealt out to 2 up to 13 clients. **In order**: consecutive features, "
      "as equal in number as possible. **Evenly**: encoding makes one column of a number, but two "
      "to five of a category, so equal numbers of features are unequal numbers of columns; here "
      "the features with most columns are dealt out first, each to the client that has fewest "
      "columns so far. That is the policy of choice where clients have equal machines, since work "
      "and messages grow with a client's columns."});
  add_losses("ex2", "plot1", "Split learning with 2 to 13 clients", curves, out);
  add_table("After the last epoch, in percent", curves, out);
  if (curves.size() != client_counts.size() * per_count)
    throw nn::InputError("curves are missing", "run the exercise again");
  const auto by_test = [](const Curve& curve) { return curve.measures.at(test_accuracy); };
  const Curve &few = curves[1], &many = curves.back();
  const double lost = by_test(few) - by_test(many);
  double in_order = 0, evenly = 0;
  for (std::size_t i = 0; i < curves.size(); i += per_count) {
    in_order += by_test(curves[i]) / client_counts.size();
    evenly += by_test(curves[i + 1]) / client_counts.size();
  }
  out.blocks.emplace_back(report::Question{
      "What changes with more clients?",
      nn::concat(
          "From ", few.name, ", to ", many.name, ", test accuracy goes from ",
          percent(by_test(few)), " to ", percent(by_test(many)), " %, ", percent(std::abs(lost)),
          lost == 0  ? " points apart"
          : lost > 0 ? " points lower"
                     : " points higher",
          "; the last loss goes from ", report::fixed(few.loss.back(), 3), " to ",
          report::fixed(many.loss.back(), 3),
          ".\n\nA bottom model's second layer mixes the columns of one client only. The more "
          "clients, the fewer pairs of columns meet there, down to the columns of a single "
          "feature, and the bottom models have fewer weights together. The top model sees as many "
          "activations as before, two for each column, and can make up for it. Messages per batch "
          "grow in number, two for each client, but not in total size.")});
  const double gain = evenly - in_order;
  out.blocks.emplace_back(report::Question{
      "Is dealing out evenly better?",
      nn::concat("Over all numbers of clients, mean test accuracy is ", percent(evenly),
                 " % evenly and ", percent(in_order), " % in order: ", percent(std::abs(gain)),
                 std::abs(gain) < 1 ? " points apart, no real difference. "
                 : gain > 0         ? " points better. "
                                    : " points worse. ",
                 "What it does change is balance: the slowest client has less to do, and every "
                 "batch waits for the slowest client.")});
  return out;
}

}  // namespace homework2
