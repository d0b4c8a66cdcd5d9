#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fl/clients/sender.h"
#include "fl/defences/aggregation.h"
#include "fl/workers/executor.h"

namespace fl {

// What the clients of a round have sent, up to the aggregate.
struct Collected {
  WeightedMean buffers, extra;  // extra numbers of updates, behind those that are aggregated
  std::vector<std::pair<int, std::vector<nn::real>>> states, residuals;  // to keep, by client
  std::vector<Exclusion> excluded;
  int participants = 0;
  double loss_sum = 0, weight = 0;
  double longest_seconds = 0;
  std::int64_t bytes = 0;

  // Adds the update to the aggregation, and what `trained` has sent behind it to `extra`. If
  // malicious clients see all updates before they send theirs, holds it until collude(). `state`:
  // what the client is to keep; empty: nothing.
  void add(const ClientUpdate& update, Trained& trained, std::vector<nn::real> state,
           Aggregation& aggregation, const Attack* attack);

  // Lets malicious clients see what is held, the first `weights` numbers of each, and adds it.
  void collude(const Sender& sender, std::size_t weights, Aggregation& aggregation);

  // Forgets a client whose update was lost in the aggregation.
  void forget(const Exclusion& exclusion);

 private:
  struct Held {
    ClientUpdate update;
    std::vector<nn::real> values;
  };
  std::vector<Held> held_;
};

}  // namespace fl
