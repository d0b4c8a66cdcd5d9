#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/training_config.h"

namespace training {

// How much a rank sends while it trains, as its mailbox counts it.
class Traffic {
 public:
  // Counts from now on. Both must outlive it.
  Traffic(const pipeline::TrainingConfig& config, const pipeline::Mailbox& mailbox);

  // Call it after each step; `done` steps are done.
  void add_step(int done);

  // "sent: rank 0 5000 bytes, 2000 to other pipelines, at most 40 in a step before the last"
  std::string text() const;

 private:
  struct Bytes {
    std::uint64_t all = 0, to_others = 0;  // to_others: to other pipelines
  };
  Bytes sent() const;

  const pipeline::TrainingConfig& config_;
  const pipeline::Mailbox& mailbox_;
  std::vector<int> links_;
  Bytes start_, last_;  // before training, and after the last step
  // To other pipelines. In the last step all blocks are synchronised.
  std::uint64_t most_in_a_step_ = 0;
};

}  // namespace training
