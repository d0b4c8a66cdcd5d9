#include <algorithm>
#include <array>

#include "tools/homework/exercises.h"

namespace homework {

namespace {

// The curves in the order of a3_curves.
enum : std::size_t {
  sgd,
  average,
  average_e2,
  average_e4,
  sgd_shards,
  average_shards,
  sgd_steady,
  average_steady,
};

struct Plot {
  const char *file, *title;
  std::vector<std::size_t> curves;
  int rounds;
};

const Plot plots[] = {
    {"plot1",
     "FedSGD and FedAvg with more local epochs",
     {sgd, average, average_e2, average_e4},
     10},
    {"plot2", "IID and non-IID data", {sgd, average, sgd_shards, average_shards}, 15},
    {"plot3",
     "Non-IID data: a smaller learning rate and more clients",
     {sgd_shards, average_shards, sgd_steady, average_steady},
     15},
};

void show(const Plot& plot, std::span<const Run> runs, std::span<const std::string> names,
          report::Document& out) {
  std::vector<Run> chosen;
  std::vector<std::string> chosen_names;
  for (std::size_t curve : plot.curves) {
    chosen.push_back(first_rounds(runs[curve], plot.rounds));
    chosen_names.push_back(names[curve]);
  }
  out.blocks.emplace_back(report::Heading{plot.title, 3});
  out.blocks.emplace_back(plotting_code("a3", chosen_names, plot.rounds));
  out.blocks.emplace_back(accuracy_plot(plot.file, plot.title, chosen, chosen_names));
  out.blocks.emplace_back(accuracy_table(plot.title, chosen, chosen_names));
}

}  // namespace

std::vector<Curve> a3_curves(const Setting& setting) {
  const auto curve = [&](const char* name, const char* algorithm, int rounds, int epochs,
                         fl::Split split) {
    Curve curve{name, setting.experiment(algorithm, rounds)};
    curve.experiment.training.epochs = epochs;
    curve.experiment.partition.split = split;
    return curve;
  };
  const auto steady = [](Curve curve) {
    curve.experiment.training.learning_rate = 0.001;
    curve.experiment.fraction = 0.5;
    return curve;
  };
  using enum fl::Split;
  return {
      curve("FedSGD", "fedsgd", 15, 1, iid),
      curve("FedAvg", "fedavg", 15, 1, iid),
      curve("FedAvg (E=2)", "fedavg", 10, 2, iid),
      curve("FedAvg (E=4)", "fedavg", 10, 4, iid),
      curve("FedSGD (non-IID)", "fedsgd", 15, 1, shards),
      curve("FedAvg (non-IID)", "fedavg", 15, 1, shards),
      steady(curve("FedSGD (non-IID, η=0.001, C=0.5)", "fedsgd", 15, 1, shards)),
      steady(curve("FedAvg (non-IID, η=0.001, C=0.5)", "fedavg", 15, 1, shards)),
  };
}

report::Document a3_report(std::span<const Run> runs, std::span<const std::string> names) {
  const auto after = [&](std::size_t curve, std::size_t rounds) {
    const auto& all = runs[curve].rounds;
    return all[std::min(rounds, all.size()) - 1].accuracy;
  };
  const auto final_of = [&](std::size_t curve) { return runs[curve].final_accuracy(); };
  const std::size_t ten = std::min<std::size_t>(10, runs[average_e4].rounds.size());
  const bool is_rougher = lost_points(runs[average_shards]) > lost_points(runs[average]) + 0.5;
  const auto is_steadier = [&](std::size_t before, std::size_t now) {
    return lost_points(runs[now]) < lost_points(runs[before]) - 0.5;
  };
  const bool shows =
      is_steadier(average_shards, average_steady) || is_steadier(sgd_shards, sgd_steady);
  const bool falls =
      std::ranges::any_of(std::array{average_shards, sgd_shards, average_steady, sgd_steady},
                          [&](std::size_t curve) { return is_clear(lost_points(runs[curve])); });
  const bool is_slower = final_of(average_steady) < final_of(average_shards) &&
                         final_of(sgd_steady) < final_of(sgd_shards);
  const bool is_pulled =
      is_rougher && lost_points(runs[average_shards]) > lost_points(runs[sgd_shards]) + 0.5;
  const double epochs[] = {after(average, ten), after(average_e2, ten), after(average_e4, ten)};
  const double first[] = {after(average, 1), after(average_e2, 1), after(average_e4, 1)};

  report::Document out{"A3: Local epochs, non-IID data and the learning rate", {}};
  show(plots[0], runs, names, out);
  out.blocks.emplace_back(report::Question{
      "How does the pattern of FedAvg differ from that of FedSGD?",
      nn::concat(
          "FedSGD takes one step of η = ", number(runs[sgd].experiment.training.learning_rate),
          " a round: ", percent(after(sgd, 1)), " % after the first round, ",
          percent(after(sgd, ten)), " % after round ", ten, ". FedAvg is at ", percent(first[0]),
          " % and ", percent(epochs[0]),
          " %. For the same messages, its clients take one step per batch instead of one per "
          "round",
          epochs[0] > after(sgd, ten) + 0.5 ? ", so it is ahead."
                                            : "; here that is no advantage.")});
  out.blocks.emplace_back(report::Question{
      "What do more local epochs do?",
      nn::concat(
          "Accuracy ", direction(epochs), " with E = 1, 2, 4: ", steps(first),
          " % after one round and ", steps(epochs), " % after round ", ten,
          ". Each doubling doubles the local steps per message; the accuracy of round ", ten,
          " changes by ", percent(epochs[1] - epochs[0]), " and then by ",
          percent(epochs[2] - epochs[1]), " points",
          epochs[2] - epochs[1] < epochs[1] - epochs[0]
              ? ": the gain shrinks, because the curve has a ceiling and clients that train "
                "longer drift towards their own data"
              : "",
          epochs[2] > epochs[0] + 0.5
              ? ". On IID data, this drift is mild: local computation replaces communication."
              : ".")});

  show(plots[1], runs, names, out);
  out.blocks.emplace_back(report::Question{
      "What does non-IID data do to accuracy and smoothness?",
      nn::concat(
          "With two shards, a client knows about two digits, and a round's mean leans towards the "
          "digits that were drawn. In the last round, FedAvg is at ",
          percent(final_of(average_shards)), " % instead of ", percent(final_of(average)),
          " %, FedSGD at ", percent(final_of(sgd_shards)), " % instead of ", percent(final_of(sgd)),
          " %. The curves ", is_rougher ? "are no longer smooth" : "still look smooth",
          ": in rounds where accuracy fell, FedAvg lost ", percent(lost_points(runs[average])),
          " points on IID data and ", percent(lost_points(runs[average_shards])),
          " on non-IID data; FedSGD ", percent(lost_points(runs[sgd])), " and ",
          percent(lost_points(runs[sgd_shards])),
          is_pulled ? ". FedAvg's clients move further between two means, so they can be pulled "
                      "further towards their own digits."
                    : ".")});

  show(plots[2], runs, names, out);
  out.blocks.emplace_back(report::Question{
      "Why do a small learning rate and a large client fraction steady training?",
      nn::concat(
          "With C = 0.5, half of all shards take part, so every digit is in every round and the "
          "mean's bias hardly changes from one round to the next; with η = 0.001, a client moves a "
          "tenth as far before it is averaged, so it drifts less. ",
          falls ? nn::concat(shows ? "In these runs" : "These runs do not show it",
                             ": where accuracy falls, FedAvg loses ",
                             percent(lost_points(runs[average_steady])), " points instead of ",
                             percent(lost_points(runs[average_shards])), ", and FedSGD ",
                             percent(lost_points(runs[sgd_steady])), " instead of ",
                             percent(lost_points(runs[sgd_shards])))
                : std::string("In these runs accuracy hardly ever falls, so they do not show it"),
          is_slower ? ". The price is speed: after" : ". After", " as many rounds they are at ",
          percent(final_of(average_steady)), " % and ", percent(final_of(sgd_steady)),
          " % instead of ", percent(final_of(average_shards)), " % and ",
          percent(final_of(sgd_shards)), " %, with five times the messages.")});
  return out;
}

}  // namespace homework
