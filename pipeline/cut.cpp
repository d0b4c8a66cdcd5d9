#include "pipeline/cut.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "pipeline/split_head/split_head.h"

namespace pipeline {
namespace {

void add(Costs& sum, const Costs& costs, double times = 1) {
  sum.forward += times * costs.forward;
  sum.backward += times * costs.backward;
  sum.weights += times * costs.weights;
}

// For each chunk, the number of weight halves that come before its last backward.
std::vector<int> weights_before_last_backward(const Schedule& schedule, int chunks) {
  std::vector<int> counts(chunks), until_now(chunks);
  for (const Action& action : schedule) {
    if (action.work == Work::weights) ++until_now[action.chunk];
    if (action.work == Work::backward) counts = until_now;
  }
  return counts;
}

// Depth-first search over all cuts, part by part. A branch ends when its layers so far already take
// longer than the best complete cut, so it helps to start from a good one.
class CutSearch {
 public:
  CutSearch(const BlockCosts& blocks, int layers, const Plan& plan, double message_time,
            double cores)
      : blocks_(blocks),
        plan_(plan),
        placement_(plan.placement),
        stages_(placement_.stages()),
        chunks_(placement_.chunks()),
        message_time_(message_time),
        cores_(cores),
        cut_(placement_.parts()),
        best_(default_cut(layers, placement_.parts())),
        best_length_(length_of(best_)),
        costs_(uniform_costs(stages_, chunks_, {0, 0, 0})) {
    for (const Schedule& schedule : plan.stages)
      early_weights_.push_back(weights_before_last_backward(schedule, chunks_));
    improve();
    place(0, layers);
  }

  const Cut& best() const { return best_; }

 private:
  // The same numbers summed in another order differ in their last bits.
  static constexpr double tolerance = 1e-9;
  static constexpr long most_effort = 100'000'000;  // chunks and actions visited: a second or two

  // Moves single layers while that helps.
  void improve() {
    const int parts = static_cast<int>(best_.size());
    for (bool is_better = true; is_better;) {
      is_better = false;
      for (int from = 0; from < parts; ++from)
        for (int to = 0; to < parts; ++to) {
          if (effort_ > most_effort) return;
          if (best_[from] == 0 || from == to) continue;
          Cut cut = best_;
          --cut[from];
          ++cut[to];
          is_better = consider(cut) || is_better;
        }
    }
  }

  void place(int part, int layers_left) {
    Costs& costs = cost_of(part);
    const bool is_last = part + 1 == static_cast<int>(cut_.size());
    for (int layers = is_last ? layers_left : 0; layers <= layers_left; ++layers) {
      cut_[part] = layers;
      costs = {0, 0, 0};
      add(costs, blocks_.layer, layers);
      if (part == 0) add(costs, blocks_.embedding);
      if (is_last && !plan_.splits_head) add(costs, blocks_.head);
      effort_ += stages_ * chunks_;
      if (effort_ > most_effort || shortest_possible() > best_length_ * (1 + tolerance)) break;
      if (is_last)
        consider(cut_);
      else
        place(part + 1, layers_left - layers);
    }
    costs = {0, 0, 0};
  }

  Costs& cost_of(int part) { return costs_[placement_.stage(part)][placement_.chunk(part)]; }

  // A lower bound: a stage waits until the first activation reaches its first part, does all its
  // work, and its last gradient passes through the parts before that one.
  double shortest_possible() {
    double shortest = 0, fill = 0, drain = 0;
    for (int part = 0; part < placement_.parts(); ++part) {
      const int stage = placement_.stage(part);
      if (placement_.chunk(part) == 0) {
        const double head = plan_.splits_head ? blocks_.head.sum() / stages_ : 0;
        double all = fill + plan_.microbatches * head, until_last_backward = fill + drain;
        for (int chunk = 0; chunk < chunks_; ++chunk) {
          const Costs& costs = costs_[stage][chunk];
          all += plan_.microbatches * costs.sum();
          until_last_backward += plan_.microbatches * (costs.forward + costs.backward) +
                                 early_weights_[stage][chunk] * costs.weights;
        }
        shortest = std::max({shortest, all, until_last_backward});
      }
      const bool has_message = part + 1 < placement_.parts() && placement_.stage(part + 1) != stage;
      const Costs& costs = cost_of(part);
      fill += costs.forward + (has_message ? message_time_ : 0);
      drain += costs.backward + (part == 0 ? costs.weights : 0) + (has_message ? message_time_ : 0);
    }
    return shortest;
  }

  double length_of(const Cut& cut) const {
    return simulate(plan_, costs_of(cut, blocks_, placement_, plan_.splits_head), message_time_,
                    cores_)
        .length;
  }

  // Whether the cut is the best so far; it is then kept.
  bool consider(const Cut& cut) {
    const bool is_sharing = cores_ > 0 && cores_ < stages_;
    effort_ += 3L * stages_ * chunks_ * (plan_.microbatches + 8) * (is_sharing ? stages_ : 1);
    const double length = length_of(cut);
    const bool is_equal = std::abs(length - best_length_) <= tolerance * best_length_;
    if (is_equal ? !is_preferred(cut) : length > best_length_) return false;
    best_length_ = length;
    best_ = cut;
    return true;
  }

  bool is_preferred(const Cut& cut) const {
    const auto unevenness = [](const Cut& c) {
      return std::inner_product(c.begin(), c.end(), c.begin(), 0);
    };
    return unevenness(cut) != unevenness(best_) ? unevenness(cut) < unevenness(best_) : cut > best_;
  }

  const BlockCosts& blocks_;
  const Plan& plan_;
  const Placement& placement_;
  const int stages_, chunks_;
  long effort_ = 0;
  const double message_time_, cores_;
  Cut cut_, best_;
  double best_length_;
  std::vector<std::vector<int>> early_weights_;  // [stage][chunk]
  StageCosts costs_;                             // of cut_, 0 for parts not yet placed
};

}  // namespace

Cut default_cut(int layers, int parts) {
  nn::require(layers >= 0 && parts >= 1, "cut: ", layers, " layers in ", parts, " parts");
  Cut cut(parts, layers / parts);
  for (int i = 0; i < layers % parts; ++i) ++cut[i];
  return cut;
}

Cut parse_cut(std::string_view text, int layers, int parts) {
  const auto refuse = [&](const auto&... complaint) {
    throw nn::InputError(
        nn::concat("layers ", text, ": ", complaint...),
        nn::concat("name ", parts, parts == 1 ? " count that adds" : " counts that add", " up to ",
                   layers, ", such as ", to_text(default_cut(layers, parts))));
  };
  Cut cut;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    const auto count = nn::parse_number<int>(word);
    if (!count || *count < 0) refuse("\"", word, "\" is not a number of layers");
    if (*count > layers) refuse("the model has ", layers);
    cut.push_back(*count);
    begin = end + 1;
  }
  if (static_cast<int>(cut.size()) != parts)
    refuse(cut.size(), cut.size() == 1 ? " count" : " counts", " for ", parts,
           parts == 1 ? " part" : " parts");
  if (const auto sum = std::accumulate(cut.begin(), cut.end(), 0LL); sum != layers)
    refuse("they add up to ", sum, ", but the model has ", layers);
  return cut;
}

std::string to_text(const Cut& cut) {
  std::string text;
  for (const int layers : cut) text += (text.empty() ? "" : ",") + std::to_string(layers);
  return text;
}

StageCosts costs_of(const Cut& cut, const BlockCosts& blocks, const Placement& placement,
                    bool splits_head) {
  const int parts = placement.parts();
  nn::require(static_cast<int>(cut.size()) == parts, "cut: ", cut.size(), " counts for ", parts,
              " parts");
  StageCosts costs = uniform_costs(placement.stages(), placement.chunks(), {0, 0, 0});
  for (int part = 0; part < parts; ++part) {
    Costs& sum = costs[placement.stage(part)][placement.chunk(part)];
    add(sum, blocks.layer, cut[part]);
    if (part == 0) add(sum, blocks.embedding);
    if (part + 1 == parts && !splits_head) add(sum, blocks.head);
  }
  if (splits_head) share_head(costs, blocks.head);
  return costs;
}

Cut best_cut(const BlockCosts& blocks, int layers, const Plan& plan, double message_time,
             double cores) {
  return CutSearch(blocks, layers, plan, message_time, cores).best();
}

}  // namespace pipeline
