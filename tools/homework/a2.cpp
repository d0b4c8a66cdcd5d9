#include <algorithm>
#include <array>
#include <cmath>

#include "tools/homework/exercises.h"

namespace homework {

namespace {

constexpr const char* algorithms[] = {"fedsgd", "fedavg"};
constexpr int client_counts[] = {10, 50, 100};    // at C = 0.1
constexpr double fractions[] = {0.01, 0.1, 0.2};  // at N = 100

// The runs of one algorithm in the order of a2_curves: three N, then the two C that are new.
struct Runs {
  std::span<const Run> all;
  std::vector<Run> by_clients() const { return {all.begin(), all.begin() + 3}; }
  std::vector<Run> by_fraction() const { return {all[3], all[2], all[4]}; }
};

std::vector<double> accuracies(const std::vector<Run>& runs) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(run.final_accuracy());
  return values;
}

report::Table table(const std::string& caption, const std::vector<Run>& sgd,
                    const std::vector<Run>& average) {
  report::Table table{caption, {"Algorithm", "N", "C", "Message count", "Test accuracy"}, {}};
  for (const auto* runs : {&sgd, &average})
    for (const Run& run : *runs)
      table.rows.push_back({std::string(run.experiment.algorithm_entry().label),
                            std::to_string(run.experiment.clients), number(run.experiment.fraction),
                            std::to_string(run.rounds.back().messages),
                            percent(run.final_accuracy())});
  return table;
}

std::string curve(const Experiment& e) {
  return nn::concat(e.algorithm_entry().label, " N=", e.clients, " C=", number(e.fraction));
}

// A table and a plot of the same runs.
void show(const std::string& file, const std::string& title, const std::string& caption,
          const std::vector<Run>& sgd, const std::vector<Run>& average, report::Document& out) {
  std::vector<Run> runs = sgd;
  runs.insert(runs.end(), average.begin(), average.end());
  std::vector<std::string> names;
  for (const Run& run : runs) names.push_back(curve(run.experiment));
  out.blocks.emplace_back(report::Heading{title, 3});
  out.blocks.emplace_back(plotting_code("a2", names));
  out.blocks.emplace_back(table(caption, sgd, average));
  out.blocks.emplace_back(accuracy_plot(file, title, runs, names));
}

std::string messages(const std::vector<Run>& runs) {
  std::string text;
  for (const Run& run : runs)
    text += (text.empty() ? "" : " → ") + std::to_string(run.rounds.back().messages);
  return text;
}

}  // namespace

std::vector<Curve> a2_curves(const Setting& setting) {
  std::vector<Curve> curves;
  const auto add = [&](const char* algorithm, int clients, double fraction) {
    Experiment e = setting.experiment(algorithm, 10);
    e.clients = clients;
    e.fraction = fraction;
    curves.push_back({curve(e), e});
  };
  for (const char* algorithm : algorithms) {
    for (int clients : client_counts) add(algorithm, clients, 0.1);
    for (double fraction : fractions)
      if (fraction != 0.1) add(algorithm, 100, fraction);
  }
  return curves;
}

report::Document a2_report(std::span<const Run> runs, std::span<const std::string>) {
  const Runs sgd{runs.first(5)}, average{runs.last(5)};
  const auto sgd_n = accuracies(sgd.by_clients()), average_n = accuracies(average.by_clients());
  const auto sgd_c = accuracies(sgd.by_fraction()), average_c = accuracies(average.by_fraction());

  const bool is_monotonic = std::ranges::none_of(std::array{sgd_n, average_n, sgd_c, average_c},
                                                 [](const std::vector<double>& values) {
                                                   const std::string where = direction(values);
                                                   return where != "rises" && where != "falls";
                                                 });

  report::Document out{"A2: The number of clients and the client fraction", {}};
  const std::string after = nn::concat("After ", runs[0].rounds.size(), " rounds, ");
  show("plot1", "Number of clients N, at C = 0.1", after + "C = 0.1", sgd.by_clients(),
       average.by_clients(), out);
  show("plot2", "Client fraction C, at N = 100", after + "N = 100", sgd.by_fraction(),
       average.by_fraction(), out);

  out.blocks.emplace_back(report::Question{
      "How do the number of clients and the client fraction change the message count?",
      nn::concat("Every chosen client gets one message and sends one, so a round costs 2 · max(1, "
                 "round(C N)) messages, and the count grows linearly in N, C and the rounds: ",
                 messages(average.by_clients()), " for N = 10, 50, 100 and ",
                 messages(average.by_fraction()),
                 " for C = 0.01, 0.1, 0.2. It does not depend on the algorithm.")});
  out.blocks.emplace_back(report::Question{
      "Is the relation between them and the test accuracy monotonic?",
      nn::concat(
          is_monotonic ? "**In these runs it is**, in each of the four series"
                       : "**No, not in general**",
          ". What they show:\n\n"
          "**Number of clients.** FedAvg ",
          direction(average_n), " with N = 10, 50, 100: ", steps(average_n),
          ". A client has 60,000 / N samples, so at B = 100 it takes 600 / N steps a round, 60 "
          "with N = 10 but only 6 with N = 100",
          average_n.back() < average_n.front() - 0.5
              ? ", and averaging more clients does not make up for the missing steps"
              : "",
          ". FedSGD takes one step a round for any N, along a mean over C · "
          "60,000 = 6,000 samples; N only decides which samples and which dropout masks. It ",
          direction(sgd_n), ": ", steps(sgd_n), ", a spread of ",
          percent(*std::ranges::max_element(sgd_n) - *std::ranges::min_element(sgd_n)),
          " points.\n\n"
          "**Client fraction.** FedAvg ",
          direction(average_c), " with C = 0.01, 0.1, 0.2: ", steps(average_c), "; FedSGD ",
          direction(sgd_c), ": ", steps(sgd_c),
          ". A larger C averages over more clients, which reduces noise but adds no steps. From "
          "one client a round to ten, FedAvg changes by ",
          percent(average_c[1] - average_c[0]), " points, from ten to twenty by ",
          percent(average_c[2] - average_c[1]),
          ", while the messages grow tenfold and then double. ",
          std::abs(average_c[2] - average_c[1]) < std::abs(average_c[1] - average_c[0])
              ? "So more communication has diminishing returns, and where the curve is flat, "
                "chance "
                "decides the order."
              : "In these runs the returns do not diminish yet.")});
  return out;
}

}  // namespace homework
