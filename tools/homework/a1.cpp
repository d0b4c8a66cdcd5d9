#include <algorithm>
#include <cmath>

#include "tools/homework/exercises.h"

namespace homework {

namespace {

constexpr double tolerance = 0.02;  // the homework's, in percentage points

struct Scenario {
  const char* title;
  double learning_rate, fraction;
  int clients;
  fl::Split split;
};
constexpr Scenario scenarios[] = {
    {"Scenario 1: η = 0.01, N = 100, IID, C = 0.5", 0.01, 0.5, 100, fl::Split::iid},
    {"Scenario 2: η = 0.1, N = 50, non-IID, C = 0.2", 0.1, 0.2, 50, fl::Split::shards},
};

// The two versions side by side; returns the largest difference of a round.
double compare(const char* title, const Run& gradient, const Run& weight, report::Document& out) {
  double largest = 0;
  report::Table table{title, {"Round", "Gradient", "Weight", "Difference", "Message count"}, {}};
  for (std::size_t i = 0; i < gradient.rounds.size(); ++i) {
    const fl::Round &g = gradient.rounds[i], &w = weight.rounds[i];
    largest = std::max(largest, std::abs(g.accuracy - w.accuracy));
    table.rows.push_back({std::to_string(g.number), percent(g.accuracy), percent(w.accuracy),
                          percent(std::abs(g.accuracy - w.accuracy)), std::to_string(g.messages)});
  }
  out.blocks.emplace_back(table);
  const bool holds = largest <= tolerance + 1e-9;
  out.blocks.emplace_back(report::Paragraph{nn::concat(
      "**", holds ? "Equivalent" : "Not equivalent", "**: the largest difference is ",
      percent(largest), " points, ", holds ? "within" : "outside", " the tolerance of 0.02.")});
  return largest;
}

}  // namespace

std::vector<Curve> a1_curves(const Setting& setting) {
  std::vector<Curve> curves;
  int number = 0;
  for (const Scenario& scenario : scenarios) {
    ++number;
    for (const char* algorithm : {"fedsgd", "fedsgd-weight"}) {
      Experiment e = setting.experiment(algorithm, 5);
      e.training.learning_rate = scenario.learning_rate;
      e.fraction = scenario.fraction;
      e.clients = scenario.clients;
      e.partition.split = scenario.split;
      curves.push_back({nn::concat(e.algorithm_entry().label, " scenario ", number), e});
    }
  }
  return curves;
}

report::Document a1_report(std::span<const Run> runs, std::span<const std::string> names) {
  report::Document out{"A1: FedSGD with gradients and with weights", {}};
  out.blocks.emplace_back(report::Paragraph{
      "In FedSGD every chosen client computes one gradient over all its samples. It can send that "
      "gradient, and the server takes the step; or it takes the step itself and sends the weights, "
      "and the server averages those. Test accuracy in percent after every round:"});
  double largest = 0;
  for (int i = 0; i < 2; ++i) {
    out.blocks.emplace_back(report::Heading{scenarios[i].title, 3});
    out.blocks.emplace_back(plotting_code("a1", names.subspan(2 * i, 2)));
    largest = std::max(largest, compare(scenarios[i].title, runs[2 * i], runs[2 * i + 1], out));
    out.blocks.emplace_back(accuracy_plot(nn::concat("plot", i + 1), scenarios[i].title,
                                          runs.subspan(2 * i, 2), names.subspan(2 * i, 2)));
  }
  out.blocks.emplace_back(report::Question{
      "When are the gradient and the weight version of FedSGD equivalent?",
      nn::concat(
          "Let w be the server's weights, g_k the gradient of client k and p_k its share of the "
          "round's samples. The gradient version ends at w − η Σ p_k g_k, the weight version at "
          "Σ p_k (w − η g_k). The shares add up to 1, so the two are equal. That holds because "
          "every client starts from the same w, takes **exactly one** step of **plain** SGD with "
          "the server's η over **all** its samples and draws the same dropout masks in both "
          "versions, and because both means use the same shares. The data need not be IID, and N, "
          "C and η may have any value.\n\nHere the two versions differ by at most ",
          percent(largest), " points. ",
          largest <= tolerance + 1e-9
              ? "The rest is rounding: a mean of weights and a step along a mean of gradients "
                "round differently in 32-bit floats, which can tip one image in 10,000 (0.01 "
                "points)."
              : "The two means round differently in 32-bit floats, and here the steps are so large "
                "that training amplifies the last digits into whole images; in exact arithmetic "
                "the two would still be equal.",
          "\n\nThe equivalence ends as soon as a client takes more than one step (local epochs or "
          "smaller batches: the second gradient is taken at other weights), keeps its own state "
          "such as momentum or Adam's moments, or uses its own learning rate. Then only weights "
          "can be averaged, and that is FedAvg.")});
  return out;
}

}  // namespace homework
