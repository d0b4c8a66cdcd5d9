#pragma once

#include <cstdint>
#include <vector>

#include "fl/config.h"
#include "nn/numpy.h"

namespace fl {

// What a round asks of the clients' devices and links.
struct Work {
  std::vector<double> samples;  // that each client trains on, as often as it does
  std::int64_t bytes_down = 0;  // to a client
  std::int64_t bytes_up = 0;    // from a client, without compression
};

// The samples that a client with so many trains on in a round: E epochs, or the given steps.
double samples_trained(const LocalTraining& training, int samples);

// The simulated devices and links of the clients. Speeds are log-normal around the medians that the
// clock's options give, by numpy.random.default_rng(seed + 2), which draws nothing else. Time is
// work divided by speed, whatever this machine takes for it.
class World {
 public:
  World(const Config& config, Work work);

  int clients() const { return static_cast<int>(until_upload_.size()); }
  bool has_samples(int client) const { return work_.samples[client] > 0; }

  // Seconds from the server's sending to the end of the client's training.
  double until_upload(int client) const { return until_upload_[client]; }
  // Seconds for so many bytes; without a number, for an update without compression.
  double upload(int client, std::int64_t bytes) const;
  double upload(int client) const { return upload(client, work_.bytes_up); }

  // Draws whether the next client that starts drops out.
  bool drops_out() { return draws_.random() < drop_out_; }

 private:
  Work work_;
  nn::numpy::Generator draws_;
  std::vector<double> until_upload_, uplinks_;  // of each client: seconds; bytes per second
  double drop_out_;
};

}  // namespace fl
