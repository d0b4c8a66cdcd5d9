#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nn/real.h"

namespace fl {

// The update of one client, as an aggregation sees it.
struct ClientUpdate {
  int client;
  std::span<const nn::real> values;
  // Its share of a mean is weight / round_weight. The latter is the sum over all clients of the
  // round, including those that turn out to be excluded.
  int weight, round_weight;
};

// Makes one vector of the updates of a round.
class Aggregation {
 public:
  virtual ~Aggregation() = default;
  // Called for every usable update, in the order of the round's clients. The values must be copied
  // if they are needed later.
  virtual void add(const ClientUpdate& update) = 0;
  // After at least one update; of the same size.
  virtual std::span<const nn::real> result() = 0;
};

// sum of share_k update_k / sum of share_k, one update at a time, so that only the sum is kept.
// Where all clients deliver, the shares add up to 1 and the result is what the notebook computes;
// where some are excluded, it is renormalised.
class WeightedMean : public Aggregation {
 public:
  void add(const ClientUpdate& update) override;
  std::span<const nn::real> result() override;

 private:
  std::vector<nn::real> sum_;
  int weight_ = 0, round_weight_ = 0;
};

// How the server aggregates. Every aggregation can be used with every algorithm that has none of
// its own.
struct AggregationEntry {
  std::string_view name, description;
  std::unique_ptr<Aggregation> (*make)();
};

// The first is the default.
std::span<const AggregationEntry> aggregation_table();

}  // namespace fl
