#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// Does the work once and returns the cost of a unit of it, in seconds or bytes.
using Cost = std::function<double()>;

// PyTorch doing the same work, with some number of threads. Throws nn::Error on failure.
struct Peer {
  std::string name;
  Cost cost;
};

// How a cost is shown: scaled to a unit (ms per step), or as a rate per second.
struct Reading {
  std::string text, unit;
  double factor = 1;
  bool is_rate = false;

  double of(double cost) const { return is_rate ? factor / cost : factor * cost; }
};

// Work that both sides do, so that its costs can be compared.
struct Benchmark {
  std::string name;  // for --only
  std::vector<Reading> readings;
  Cost ours;
  std::vector<Peer> peers;
  Cost limit = {};           // the least possible on this machine, as measured just now
  bool is_warmed_up = true;  // by one run that does not count
};

struct Result {
  std::string name;
  std::vector<Reading> readings;
  double cost = 0;
  std::optional<double> peer_cost, limit;
  std::string peer;  // the name of the cheapest; "absent" if there are some, but none works

  // How many times cheaper than the peer.
  std::optional<double> ratio() const;
  // Share of what the machine allows.
  std::optional<double> limit_share() const;
};

// Both sides take turns. The first turn tries every peer; only the cheapest continues. Costs are
// medians. A peer that fails is excluded, and `complain` gets the reason.
Result measure(const Benchmark& benchmark, int turns,
               const std::function<void(const std::string&)>& complain);

// The middle value, or the mean of the middle two; at least one value.
double median(std::vector<double> values);

}  // namespace bench
