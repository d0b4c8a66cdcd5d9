#include <algorithm>
#include <array>

#include "tools/homework3/exercises.h"

namespace homework {

namespace {

constexpr std::array top_shares{0.2, 0.5, 0.8};
constexpr std::size_t with_one = 1 + top_shares.size();  // curves of an attack: clipping, SparseFed

std::vector<double> finals(std::span<const Run> runs) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(run.final_accuracy());
  return values;
}

// Of the best share of SparseFed over clipping alone, in points.
double gain_of(std::span<const Run> runs) {
  const std::vector<double> values = finals(runs);
  return *std::ranges::max_element(values.begin() + 1, values.end()) - values[0];
}

std::string compared(std::span<const Run> runs) {
  const std::vector<double> values = finals(runs.subspan(1));
  const double clipped = runs[0].final_accuracy(), gain = gain_of(runs);
  return nn::concat(
      "Clipping alone ends at ", percent(clipped), " %, SparseFed with 20, 50, 80 % at ",
      steps(values), " %. ",
      is_clear(gain) && gain > 0
          ? nn::concat("Sparsification helped, by at most ", percent(gain), " points. ")
      : is_clear(gain)
          ? nn::concat("Sparsification did harm, at least ", percent(-gain), " points. ")
          : std::string("Sparsification made no real difference. "));
}

}  // namespace

std::vector<Curve> q3_curves(const Setting& setting) {
  std::vector<Curve> curves;
  for (const char* attack : {"reversion", "backdoor"}) {
    curves.push_back({nn::concat(attack, ", clipping"),
                      lab_experiment(setting, attack, "clip", {{"clip-ratio", 1}})});
    for (const double share : top_shares)
      curves.push_back(
          {nn::concat(attack, ", SparseFed ", 100 * share, " %"),
           lab_experiment(setting, attack, "sparsefed", {{"clip-ratio", 1}, {"top-k", share}})});
  }
  return curves;
}

report::Document q3_report(std::span<const Run> runs, std::span<const std::string> names) {
  const auto reversion = runs.first(with_one), backdoor = runs.subspan(with_one);
  report::Document out{"Q3: SparseFed beside plain clipping", {}};
  out.blocks.emplace_back(report::Paragraph{
      "SparseFed clips every update to the mean norm and then applies only the largest numbers of "
      "the aggregate: 20, 50 or 80 % of all. Test accuracy in percent:"});
  add_curves("q3", "plot1", "SparseFed against reversion", reversion, names.first(with_one), out);
  out.blocks.emplace_back(report::Question{
      "Did sparsification help against gradient reversion?",
      nn::concat(
          compared(reversion),
          gain_of(reversion) > 0 && is_clear(gain_of(reversion))
              ? ""
              : "\n\nClipping removes the factor of 5, so the attackers are an ordinary "
                "minority. Reversion changes all numbers alike: the largest numbers of the "
                "aggregate are as poisoned as the small ones, and dropping the latter removes "
                "honest progress and noise, not the attack.")});
  add_curves("q3", "plot2", "SparseFed against the backdoor", backdoor, names.subspan(with_one),
             out);
  report::Table table{"The backdoor after the last round",
                      {"Run", "Test accuracy", "Attack success", "Accuracy with the pattern"},
                      {}};
  for (std::size_t i = 0; i < with_one; ++i)
    table.rows.push_back({names[with_one + i], percent(backdoor[i].final_accuracy()),
                          percent(last_measure(backdoor[i], "Attack success")),
                          percent(last_measure(backdoor[i], "Triggered accuracy"))});
  out.blocks.emplace_back(table);
  add_confusion("q3", "confusion1", backdoor[0], names[with_one], out);
  add_confusion("q3", "confusion2", backdoor[1], names[with_one + 1], out);
  std::vector<double> success;
  for (const Run& run : backdoor) success.push_back(last_measure(run, "Attack success"));
  const double least = *std::ranges::min_element(success.begin() + 1, success.end());
  const bool is_backdoor_left = least > success[0] / 2;
  out.blocks.emplace_back(report::Question{
      "Did sparsification help against the backdoor?",
      nn::concat(compared(backdoor), "The attack succeeds on ", percent(success[0]),
                 " % of the images after clipping, and on ", steps(std::span(success).subspan(1)),
                 " % after SparseFed.\n\nThe idea of SparseFed is that honest clients agree on the "
                 "largest numbers and a backdoor lives in other ones.",
                 is_backdoor_left ? " Without the paper's momentum and "
                                    "error feedback, numbers dropped in a round are lost, and a "
                                    "pattern that a fifth of "
                                    "the clients trains for keeps its own large numbers."
                                  : "")});
  return out;
}

}  // namespace homework
