#pragma once

#include <atomic>
#include <filesystem>

#include "data/text.h"
#include "pipeline/job.h"

// A rank of a training run from its start to the saved model.
namespace training {

struct RankOptions {
  pipeline::Job job;
  bool is_cut_measured = false;  // rank 0 chooses job.cut by measuring the pieces
  int rank = 0;
  std::vector<std::string> addresses;  // one to derive all from, or all
  std::uint64_t run = 0;
  std::filesystem::path keys;  // folder of pipeline::make_keys; empty: none
  double timeout = 60;         // seconds
  double heartbeat = 6;
  data::TextOptions text;
  std::filesystem::path out = "out/pipeline", init;
  std::filesystem::path checkpoint;  // folder of checkpoints to resume from; empty: none are saved
  int checkpoint_every = 100;        // steps
  bool is_resumed = false;
  bool has_trace = false;
  int cores = 1;    // of this machine
  int threads = 1;  // of this rank
  const std::atomic<bool>* stop = nullptr;
};

// Throws nn::InputError for what can be said of the checkpoints before training begins.
void require_valid_checkpoints(const RankOptions& options);

// Throws nn::InputError, pipeline::PeerLost, or pipeline::Mailbox::Stopped.
void run_rank(RankOptions options);

}  // namespace training
