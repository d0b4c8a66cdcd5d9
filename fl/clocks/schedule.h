#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nn/numpy.h"

namespace fl {

// A client's part in a round.
struct Turn {
  int client;
  int start;    // a number that it shares with the clients that started with it: seeds its masks
  int version;  // the server's weights that it starts from, by the rounds played until then
  bool drops_out = false;  // it sends nothing
  double factor = 1;       // on its change of the weights, for its age
};

// Says which clients take part in a round, and which of the server's weights they start from. It
// does not depend on what they learn, so playing the same rounds again restores it.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual std::unique_ptr<Schedule> clone() const = 0;

  // The turns of the next round, each of another client, in the order in which updates are added.
  virtual std::vector<Turn> next() = 0;

  // Called in this order for every client that has sent an update, of so many bytes: whether the
  // server still takes it.
  virtual bool is_in_time(const Turn& /*turn*/, std::int64_t /*bytes*/) { return true; }

  // After that: the simulated length of the round, and what else was measured, as Round::measures.
  virtual std::optional<double> seconds() const { return {}; }
  virtual std::map<std::string, double> measures() const { return {}; }

  // The versions that clients have started from whose turn is still to come.
  virtual std::set<int> versions_in_flight() const { return {}; }
};

// Without a clock: every round has newly chosen clients, which start from the newest weights.
class Rounds : public Schedule {
 public:
  Rounds(int clients, int clients_per_round, std::uint64_t seed)
      : clients_(clients), clients_per_round_(clients_per_round), choices_(seed) {}

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<Rounds>(*this); }
  std::vector<Turn> next() override;

 private:
  int clients_, clients_per_round_, round_ = 0;
  nn::numpy::Generator choices_;  // numpy.random.default_rng(seed), as the notebook chooses
};

}  // namespace fl
