#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
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

  double share() const { return static_cast<double>(weight) / round_weight; }
};

// A client that was chosen but whose update was not used.
struct Exclusion {
  int client;
  std::string reason;
};

// Numbers that are kept between rounds, by name. Restoring resizes them.
struct NamedVector {
  std::string name;
  std::vector<nn::real>& values;
};

// Makes one vector of the updates of a round. One is made for each run.
class Aggregation {
 public:
  virtual ~Aggregation() = default;

  // Called before the updates of each round, which is counted from 0.
  virtual void start(int round) = 0;
  // Called for every usable update, in the order of the round's clients. The values must be copied
  // if they are needed later.
  virtual void add(const ClientUpdate& update) = 0;
  // After at least one update; of the same size, or empty if the round fails.
  virtual std::span<const nn::real> result() = 0;

  // After result(): the clients whose updates it was made of, for those that choose some.
  virtual std::vector<int> selected() const { return {}; }
  // After result(): the clients whose updates were lost on the way, all if it is empty.
  virtual std::vector<Exclusion> excluded() const { return {}; }
  // At the end of a round: what it has measured, as Round::measures.
  virtual std::map<std::string, double> measures() const { return {}; }
  // What it keeps between rounds, which is saved, and restored in the same places.
  virtual std::vector<NamedVector> state() { return {}; }
};

// sum of share_k update_k / sum of share_k, one update at a time, so that only the sum is kept.
// Where all clients deliver, the shares add up to 1 and the result is what the notebook computes;
// where some are excluded, it is renormalised.
class WeightedMean : public Aggregation {
 public:
  void start(int round) override;
  void add(const ClientUpdate& update) override;
  std::span<const nn::real> result() override;

 private:
  std::vector<nn::real> sum_;
  int weight_ = 0, round_weight_ = 0;
};

// The usable updates of a round, one to a row.
struct UpdateMatrix {
  std::vector<nn::real> values;       // [clients, size]
  std::vector<int> clients, weights;  // of the rows
  std::size_t size = 0;

  int count() const { return static_cast<int>(clients.size()); }
  std::span<nn::real> row(int i) { return std::span(values).subspan(i * size, size); }
  std::span<const nn::real> row(int i) const { return std::span(values).subspan(i * size, size); }
  // n_k / n of every row, where n is the sum of the rows' weights: they add up to 1.
  std::vector<double> shares() const;
  // Drops all rows but these, given in ascending order.
  void keep_only(std::span<const int> rows);
};

// For an aggregation that needs all updates at once: copies them, and gives them to combine() as
// the rows of a matrix.
class HeldUpdates : public Aggregation {
 public:
  void start(int round) final;
  void add(const ClientUpdate& update) final;
  std::span<const nn::real> result() final;

 protected:
  // Makes one vector of at least one update, which it may alter.
  virtual void combine(UpdateMatrix& updates, std::span<nn::real> result) = 0;

 private:
  UpdateMatrix updates_;
  std::vector<nn::real> result_;
};

}  // namespace fl
