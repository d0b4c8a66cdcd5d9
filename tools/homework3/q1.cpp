#include <array>
#include <cmath>

#include "tools/homework3/exercises.h"

namespace homework {

namespace {

struct Defended {
  const char *name, *defence, *reason;  // why the split matters to it
  fl::OptionValues options;
};

const std::array<Defended, 4>& rows_of_q1() {
  static const std::array<Defended, 4> rows{{
      {"no defence",
       "none",
       "The mean trusts everyone. A fifth of the changes, five times as long and reversed, cancel "
       "the rest: 0.8 g - 0.2 · 5 g is negative, so the model moves uphill, whatever the split.",
       {}},
      {"Krum",
       "krum",
       "Krum applies one client's change. On IID data, that client has seen every digit; with two "
       "shards it knows about two, and the changes of honest clients lie far apart, so closeness "
       "says little about honesty.",
       {{"byzantine", 4}}},
      {"multi-Krum",
       "multi-krum",
       "Multi-Krum averages the fourteen closest. More digits take part than with Krum, but the "
       "last ones are chosen from few, so a group of attackers can pass; and on non-IID data, the "
       "clients left out are those with rare digits.",
       {{"keep", 14}, {"byzantine", 5}}},
      {"majority sign",
       "majority-sign",
       "Majority sign looks at each number separately. On IID data, honest signs agree and outvote "
       "the attackers; with two shards per client, honest signs split, and the long reversed "
       "changes are on the winning side more often.",
       {}},
  }};
  return rows;
}

constexpr std::size_t one_split = 5;  // curves: without attack, and the four rows

}  // namespace

std::vector<Curve> q1_curves(const Setting& setting) {
  std::vector<Curve> curves;
  for (const fl::Split split : {fl::Split::iid, fl::Split::shards}) {
    const char* suffix = split == fl::Split::iid ? " (IID)" : " (non-IID)";
    const auto add = [&](const std::string& name, Experiment experiment) {
      experiment.partition.split = split;
      curves.push_back({name + suffix, experiment});
    };
    add("no attack", lab_experiment(setting, "none", "none"));
    for (const Defended& row : rows_of_q1())
      add(row.name, lab_experiment(setting, "reversion", row.defence, row.options));
  }
  return curves;
}

report::Document q1_report(std::span<const Run> runs, std::span<const std::string> names) {
  report::Document out{"Q1: Gradient reversion on IID and non-IID data", {}};
  out.blocks.emplace_back(report::Paragraph{
      "A fifth of the clients sends its change times -5. Test accuracy in percent:"});
  add_curves("q1", "plot1", "Gradient reversion, IID and non-IID", runs, names, out);
  report::Table table{"After the last round", {"Defence", "IID", "non-IID", "Difference"}, {}};
  for (std::size_t i = 0; i < one_split; ++i) {
    const double iid = runs[i].final_accuracy(), shards = runs[i + one_split].final_accuracy();
    table.rows.push_back({i == 0 ? "no attack" : rows_of_q1()[i - 1].name, percent(iid),
                          percent(shards), percent(shards - iid)});
  }
  out.blocks.emplace_back(table);
  for (std::size_t i = 1; i < one_split; ++i) {
    const Defended& row = rows_of_q1()[i - 1];
    const Run &iid = runs[i], &shards = runs[i + one_split];
    const double lost = iid.final_accuracy() - shards.final_accuracy();
    // Without a defence the reason is about either split, otherwise about their difference.
    const bool explains =
        i == 1 ? is_clear(runs[0].final_accuracy() - iid.final_accuracy()) &&
                     is_clear(runs[one_split].final_accuracy() - shards.final_accuracy())
               : lost > 0 && is_clear(lost);
    out.blocks.emplace_back(report::Question{
        nn::concat("Reversion against ", row.name, ": what does non-IID data change?"),
        nn::concat("The last round is at ", percent(iid.final_accuracy()), " % on IID data and at ",
                   percent(shards.final_accuracy()), " % on non-IID data, ", difference(-lost),
                   "; without an attack it is ", percent(runs[0].final_accuracy()), " % and ",
                   percent(runs[one_split].final_accuracy()),
                   " %. In rounds where accuracy fell, the curves lost ", percent(lost_points(iid)),
                   " and ", percent(lost_points(shards)), " points.",
                   explains ? nn::concat("\n\n", row.reason) : "")});
  }
  return out;
}

}  // namespace homework
