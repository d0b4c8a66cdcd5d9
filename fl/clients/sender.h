#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fl/algorithms/algorithm.h"
#include "fl/attacks/attacks.h"
#include "fl/clients/client_states.h"
#include "fl/compression/compression.h"
#include "fl/config.h"
#include "fl/workers/executor.h"
#include "nn/parameters.h"

namespace fl {

// What lies between a client's training and the server's aggregation:
//
//   train -> a change of the weights -> local privacy -> attack -> compression -> aggregation
//
// Without any of the three, a defence or an asynchronous clock, an algorithm that sends weights
// keeps sending them, so that FedAvg's mean has the bits of the notebook's.
class Sender {
 public:
  // Throws nn::InputError if the attack does not fit the examples, or no client is malicious.
  Sender(const Config& config, const nn::Parameters& parameters, const data::Examples& examples);

  // Trains as the algorithm says, but for what an attack alters. `residual`: what compression has
  // not sent yet. Leaves the update as the aggregation is to see it, without buffers. Called for
  // several clients at once.
  Trained train(const Algorithm& algorithm, ClientContext& client,
                std::vector<nn::real> residual) const;

  // What the algorithm is to apply: changes become weights again, where it sends weights, and the
  // mean of the extra numbers is behind them.
  std::span<const nn::real> received(std::span<const nn::real> aggregate,
                                     std::span<const nn::real> extra,
                                     std::span<const nn::real> weights);

  const Attack* attack() const { return attack_.get(); }            // null: none
  const std::vector<int>& malicious() const { return malicious_; }  // sorted
  bool is_malicious(int client) const;
  ClientStates& residuals() { return residuals_; }  // what compression has not sent yet

 private:
  LocalPrivacy privacy_;
  std::unique_ptr<Attack> attack_;
  std::vector<int> malicious_;
  std::unique_ptr<Compression> compression_;  // null: none
  ClientStates residuals_;
  bool converts_;                     // the algorithm sends weights, the aggregation sees changes
  std::size_t extra_numbers_;         // of the algorithm's updates
  std::vector<std::size_t> tensors_;  // sizes of the weight tensors
  std::vector<nn::real> received_;
};

// What so many numbers take without compression.
std::int64_t bytes_of(std::size_t numbers);

}  // namespace fl
