#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/text/text.h"
#include "pipeline/training_config.h"
#include "tools/training/costs_file.h"

// One rank of a training run, from its start to the saved model.
namespace training {

using StartTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct RankOptions {
  pipeline::TrainingConfig config;
  bool is_cut_measured = false;  // rank 0 chooses config.cut by measuring the blocks
  int rank = 0;
  std::vector<std::string> addresses;  // of all ranks, or one to derive them from
  std::uint64_t run = 0;
  std::filesystem::path keys;     // folder of pipeline::make_keys; empty: none
  std::filesystem::path meeting;  // folder in which ranks exchange addresses and keys; empty: none
  std::filesystem::path members;  // a members.csv that an elastic run is to play again; empty: none
  std::string host;               // of this machine in the meeting; empty: the default route's
  double timeout = 60;            // seconds
  double heartbeat = 6;
  data::TextOptions text;
  std::filesystem::path out = "out/pipeline", init;
  std::filesystem::path tensorboard;  // folder for an event file; empty: none
  std::filesystem::path state;        // one-line file for the launcher; empty: none
  std::filesystem::path checkpoint;   // folder to save checkpoints in and resume from
  int checkpoint_every = 100;         // steps; 0: none are saved
  bool is_resumed = false;
  std::optional<StartTime> first_start;  // if a launcher has started it again
  std::string config_file;               // the content of config.toml; see tools::Options::config()
  std::optional<MeasuredStep> rehearsal;  // costs to sleep for, instead of computing
  bool has_trace = false;
  int cores = 1;    // of this machine
  int threads = 1;  // of this rank
  const std::atomic<bool>* stop = nullptr;
};

// Throws nn::InputError for problems with the folders that can be found before training begins.
void require_valid_folders(const RankOptions& options);

// Trains to the end. Returns false if a rank was told to stop: the run then ended early, after a
// whole step, and saved a model and a checkpoint. A run that has ended is not begun again. Throws
// nn::InputError, pipeline::PeerLost or, before the first step, pipeline::Mailbox::Stopped.
bool run_rank(RankOptions options);

}  // namespace training
