#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "tools/homework3/exercises.h"

namespace homework {

namespace {

struct Attacked {
  const char *name, *attack;
};
constexpr std::array<Attacked, 3> attacks_of_q2{
    {{"reversion", "reversion"}, {"part reversion", "part-reversion"}, {"backdoor", "backdoor"}}};

struct Hyperparameters {
  int keep, byzantine;
  double trim;

  std::string name() const { return nn::concat("k=", keep, " m=", byzantine, " β=", number(trim)); }
};
constexpr std::array<Hyperparameters, 3> bulyans{{{14, 5, 0.4}, {14, 5, 0.1}, {10, 8, 0.4}}};

constexpr std::size_t one_attack = 1 + bulyans.size();  // curves: undefended, then each Bulyan

// The curve with Bulyan that ends highest among one attack's runs.
std::size_t best_of(std::span<const Run> runs) {
  std::size_t best = 1;
  for (std::size_t i = 2; i < runs.size(); ++i)
    if (runs[i].final_accuracy() > runs[best].final_accuracy()) best = i;
  return best;
}

std::string answer(const Attacked& attack, std::span<const Run> runs,
                   std::span<const std::string> names) {
  const std::size_t best = best_of(runs);
  const double gain = runs[best].final_accuracy() - runs[0].final_accuracy();
  std::string text =
      nn::concat("Undefended, the last round is at ", percent(runs[0].final_accuracy()),
                 " %. Of the three choices, ", names[best], " ends highest, at ",
                 percent(runs[best].final_accuracy()), " %, ", difference(gain), ". ");
  if (std::string_view(attack.attack) == "backdoor")
    text += nn::concat("With the pattern, ", percent(last_measure(runs[0], "Attack success")),
                       " % of all images are classified as 0, and ",
                       percent(last_measure(runs[best], "Attack success")),
                       " % with that choice. Accuracy alone does not show a backdoor. ");
  text += nn::concat(
      "\n\nWith a wide trim (β = 0.4), only the middle of each number's chosen values is averaged, "
      "so an attacker among the chosen can hardly move it; ",
      names[1], " ends at ", percent(runs[1].final_accuracy()), " %, ", names[2], " at ",
      percent(runs[2].final_accuracy()),
      " %. Choosing fewer updates lets fewer attackers in, but loses honest ones: ", names[3],
      " ends at ", percent(runs[3].final_accuracy()), " %.");
  return text;
}

}  // namespace

std::vector<Curve> q2_curves(const Setting& setting) {
  std::vector<Curve> curves;
  for (const Attacked& each : attacks_of_q2) {
    curves.push_back(
        {nn::concat(each.name, ", undefended"), lab_experiment(setting, each.attack, "none")});
    for (const Hyperparameters& h : bulyans)
      curves.push_back(
          {nn::concat(each.name, ", Bulyan ", h.name()),
           lab_experiment(setting, each.attack, "bulyan",
                          {{"keep", h.keep}, {"byzantine", h.byzantine}, {"trim", h.trim}})});
  }
  return curves;
}

report::Document q2_report(std::span<const Run> runs, std::span<const std::string> names) {
  report::Document out{"Q2: Bulyan", {}};
  out.blocks.emplace_back(report::Paragraph{
      "Bulyan lets multi-Krum choose k updates, assuming that m are malicious, and aggregates them "
      "by the trimmed mean, which drops the share β of the values on either side. Test accuracy in "
      "percent:"});
  for (std::size_t i = 0; i < attacks_of_q2.size(); ++i) {
    const auto mine = runs.subspan(i * one_attack, one_attack);
    const auto my_names = names.subspan(i * one_attack, one_attack);
    const std::string file = nn::concat("plot", i + 1),
                      title = nn::concat("Bulyan against ", attacks_of_q2[i].name);
    add_curves("q2", file.c_str(), title.c_str(), mine, my_names, out);
    if (i + 1 == attacks_of_q2.size()) {
      add_confusion("q2", "confusion1", mine[0], my_names[0], out);
      const std::size_t best = best_of(mine);
      add_confusion("q2", "confusion2", mine[best], my_names[best], out);
    }
    out.blocks.emplace_back(
        report::Question{nn::concat("How well does Bulyan withstand ", attacks_of_q2[i].name,
                                    ", and what do its hyperparameters change?"),
                         answer(attacks_of_q2[i], mine, my_names)});
  }
  return out;
}

}  // namespace homework
