#include <algorithm>
#include <cmath>
#include <iterator>

#include "tools/homework3/exercises.h"

namespace homework {

namespace {

// A run of the lab's notebook, and what it prints.
struct Published {
  const char *name, *attack, *defence;
  fl::OptionValues options;
  std::vector<int> malicious;       // empty: not printed, so others are drawn
  std::vector<double> accuracies;   // of rounds 1 to 10, or of the last one
  std::vector<int> chosen = {};     // by Krum, of each round
  std::vector<int> first_chosen{};  // by multi-Krum in round 1, sorted
};

std::vector<Published> published_runs() {
  return {
      {"no attack",
       "none",
       "none",
       {},
       {},
       {23.30, 54.98, 67.12, 75.34, 77.12, 80.92, 82.76, 84.15, 85.16, 87.48}},
      {"reversion, Krum",
       "reversion",
       "krum",
       {{"byzantine", 4}},
       {3, 25, 28, 33, 35, 36, 38, 39, 41, 43, 47, 60, 64, 74, 76, 80, 82, 92, 96, 97},
       {23.59, 45.17, 65.21, 75.19, 74.88, 79.48, 79.48, 83.21, 83.42, 84.28},
       {75, 15, 75, 69, 57, 73, 8, 87, 81, 81}},
      {"reversion, multi-Krum",
       "reversion",
       "multi-krum",
       {{"keep", 14}, {"byzantine", 5}},
       {1, 2, 9, 20, 23, 25, 26, 31, 33, 36, 41, 49, 50, 52, 56, 61, 64, 67, 75, 77},
       {27.96, 54.88, 62.78, 51.35, 67.08, 69.58, 74.15, 77.48, 79.38, 80.85},
       {},
       {7, 12, 17, 45, 47, 54, 63, 68, 71, 73, 83, 84, 89, 94}},
      {"part reversion, median",
       "part-reversion",
       "median",
       {},
       {31, 53, 39, 60, 71, 93, 19, 70, 1, 74, 69, 18, 84, 24, 25, 49, 37, 63, 65, 29},
       {21.67, 53.38, 67.63, 75.26, 77.06, 81.05, 82.61, 84.22, 85.76, 87.02}},
      {"reversion, majority sign",
       "reversion",
       "majority-sign",
       {},
       {95, 72, 53, 60, 4, 87, 73, 33, 15, 25, 50, 83, 77, 21, 91, 20, 48, 79, 62, 88},
       {17.24, 46.03, 64.44, 72.06, 75.75, 78.37, 80.65, 81.89, 82.97, 85.07}},
      {"reversion", "reversion", "none", {}, {}, {2.54}},
      {"label flip", "flip", "none", {}, {}, {33.61}},
      {"targeted label flip", "flip-targeted", "none", {}, {}, {86.20}},
      {"part reversion, clipping", "part-reversion", "clip", {{"clip-ratio", 1}}, {}, {63.98}},
      {"backdoor", "backdoor", "none", {}, {}, {85.74}},
  };
}

constexpr std::size_t replayed = 5, backdoor = 9;  // the first five are replayed round by round

// The largest difference of the rounds from the fifth on, where the curves have settled; of all
// rounds if there are fewer.
double settled_difference(const Run& run, const Published& published) {
  double largest = 0;
  const std::size_t first = run.rounds.size() > 4 ? 4 : 0;
  for (std::size_t i = first; i < std::min(run.rounds.size(), published.accuracies.size()); ++i)
    largest = std::max(largest, std::abs(run.rounds[i].accuracy - published.accuracies[i]));
  return largest;
}

// Of the clients that the defence has chosen.
int attackers_chosen(const Run& run, const fl::Round& round) {
  const std::vector<int>& malicious = run.experiment.malicious.clients;
  return static_cast<int>(std::ranges::count_if(
      round.selected, [&](int client) { return std::ranges::count(malicious, client) > 0; }));
}

report::Table side_by_side(const Run& run, const Published& published) {
  report::Table table{published.name, {"Round", "Published", "Here", "Difference"}, {}};
  const bool has_chosen = !published.chosen.empty();
  const bool chooses = !run.rounds.front().selected.empty();
  if (chooses) table.header.emplace_back("Attackers chosen");
  if (has_chosen) table.header.insert(table.header.end(), {"Chosen, published", "Chosen, here"});
  for (std::size_t i = 0; i < std::min(run.rounds.size(), published.accuracies.size()); ++i) {
    const fl::Round& round = run.rounds[i];
    auto& row = table.rows.emplace_back();
    row = {std::to_string(round.number), percent(published.accuracies[i]), percent(round.accuracy),
           percent(round.accuracy - published.accuracies[i])};
    if (chooses) row.push_back(std::to_string(attackers_chosen(run, round)));
    if (!has_chosen) continue;
    row.push_back(std::to_string(published.chosen[i]));
    row.push_back(list_of(round.selected, " "));
  }
  return table;
}

int same_choices(const Run& run, const Published& published) {
  int same = 0;
  for (std::size_t i = 0; i < std::min(run.rounds.size(), published.chosen.size()); ++i)
    same += run.rounds[i].selected == std::vector{published.chosen[i]};
  return same;
}

// "in rounds 4, 5", "in no round".
std::string attacked_rounds(const Run& run) {
  std::vector<int> rounds;
  for (const fl::Round& round : run.rounds)
    if (attackers_chosen(run, round) > 0) rounds.push_back(round.number);
  if (rounds.empty()) return "in no round";
  return nn::concat("in round", rounds.size() > 1 ? "s " : " ", list_of(rounds, ", "));
}

// The last paragraph.
std::string answer(std::span<const Run> runs, std::span<const Published> published,
                   double largest) {
  const std::size_t rounds = runs.front().rounds.size();
  const std::string compared =
      rounds > 4
          ? nn::concat("From the fifth round on, the largest difference of a replayed run is ",
                       percent(largest), " points, ", largest <= 1.5 ? "within" : "outside",
                       " the 1.5 points that rounding explains. ")
          : nn::concat("The curves settle in the fifth round, and these runs have ", rounds,
                       "; their largest difference is ", percent(largest), " points. ");
  return nn::concat(
      compared, "Krum chose the published client in ", same_choices(runs[1], published[1]), " of ",
      runs[1].rounds.size(),
      " rounds: it compares distances that differ little, so the last digits can decide, and a "
      "single different choice changes all later rounds. Multi-Krum kept attackers ",
      attacked_rounds(runs[2]),
      ". How many it kept decides how far the model falls back. It keeps fourteen of twenty "
      "updates, so some are attackers' in rounds with more than six malicious clients; and its "
      "last choice has no neighbours left to be judged by, so it is the client with the lowest "
      "number.");
}

std::string first_choice(const Run& run, const Published& published) {
  std::vector<int> here = run.rounds.front().selected, common;
  std::ranges::sort(here);
  std::ranges::set_intersection(here, published.first_chosen, std::back_inserter(common));
  return nn::concat("In the first round multi-Krum chose the clients ",
                    list_of(published.first_chosen, ", "), " in the notebook and ",
                    list_of(here, ", "), " here: ", common.size(), " of ",
                    published.first_chosen.size(), " are the same.");
}

}  // namespace

std::vector<Curve> lab_curves(const Setting& setting) {
  std::vector<Curve> curves;
  for (const Published& each : published_runs()) {
    Curve curve{each.name, lab_experiment(setting, each.attack, each.defence, each.options)};
    if (!each.malicious.empty()) curve.experiment.malicious = {0, each.malicious};
    curves.push_back(curve);
  }
  return curves;
}

report::Document lab_report(std::span<const Run> runs, std::span<const std::string> names) {
  const std::vector<Published> published = published_runs();
  report::Document out{"Lab 3: attacks and defences, beside the published figures", {}};
  out.blocks.emplace_back(report::Paragraph{
      "Twenty of a hundred clients are malicious, and twenty take part in a round. Where the "
      "notebook prints the malicious clients, they are the same here, so its rounds can be "
      "replayed: the same clients are chosen, with the same samples, initial weights and, with "
      "`--dropout-rng mkl`, dropout masks. Test accuracy in percent:"});
  add_curves("lab", "plot1", "The replayed runs", runs.first(replayed), names.first(replayed), out);
  report::Table summary{"Difference from the published figures, in points",
                        {"Run", "Published, last", "Here, last",
                         runs.front().rounds.size() > 4 ? "Largest, rounds 5 to 10" : "Largest"},
                        {}};
  double largest = 0;
  for (std::size_t i = 0; i < replayed; ++i) {
    const double difference = settled_difference(runs[i], published[i]);
    largest = std::max(largest, difference);
    summary.rows.push_back({names[i], percent(published[i].accuracies.back()),
                            percent(runs[i].final_accuracy()), percent(difference)});
    out.blocks.emplace_back(side_by_side(runs[i], published[i]));
  }
  out.blocks.emplace_back(report::Paragraph{first_choice(runs[2], published[2])});
  out.blocks.emplace_back(summary);

  out.blocks.emplace_back(report::Heading{"Attackers that the notebook does not print", 3});
  report::Table others{
      "With other attackers, for orientation", {"Run", "Published, last", "Here, last"}, {}};
  for (std::size_t i = replayed; i < runs.size(); ++i)
    others.rows.push_back(
        {names[i], percent(published[i].accuracies.back()), percent(runs[i].final_accuracy())});
  others.rows.push_back({"backdoor: attack success", "93.73",
                         percent(last_measure(runs[backdoor], "Attack success"))});
  others.rows.push_back({"backdoor: accuracy with the pattern", "15.99",
                         percent(last_measure(runs[backdoor], "Triggered accuracy"))});
  out.blocks.emplace_back(others);
  add_confusion("lab", "confusion", runs[backdoor], names[backdoor], out);
  out.blocks.emplace_back(
      report::Question{"Are these the published runs?", answer(runs, published, largest)});
  return out;
}

}  // namespace homework
