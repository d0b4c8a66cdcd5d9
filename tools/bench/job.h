#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// Does a job once and returns what a unit of its work cost, in seconds or bytes.
using Cost = std::function<double()>;

// One way in which PyTorch does it: with so many threads. Throws nn::Error if it cannot.
struct Peer {
  std::string name;
  Cost cost;
};

// How a cost is told: times a factor ("ms" a step), or as how much is done in a second.
struct Reading {
  std::string text, unit;
  double factor = 1;
  bool is_rate = false;

  double of(double cost) const { return is_rate ? factor / cost : factor * cost; }
};

// Work that both sides do; the same work, so that costs can be compared.
struct Job {
  std::string name;  // as --only wants it
  std::vector<Reading> readings;
  Cost ours;
  std::vector<Peer> peers;
  Cost limit = {};           // the least that the machine allows, as seen just now
  bool is_warmed_up = true;  // by one turn that does not count
};

struct Result {
  std::string name;
  std::vector<Reading> readings;
  double cost = 0;
  std::optional<double> peer_cost, limit;
  std::string peer;  // the name of the cheapest

  // How many times cheaper than the peer's.
  std::optional<double> ratio() const;
  // How much of what the machine allows is reached.
  std::optional<double> limit_share() const;
};

// Both sides take turns. In the first one every peer is tried, and the cheapest of them goes on.
// Costs are medians. A peer that fails is left out, and `complain` is told why.
Result measure(const Job& job, int turns, const std::function<void(const std::string&)>& complain);

// The middle value, or the mean of the middle two; at least one value.
double median(std::vector<double> values);

}  // namespace bench
