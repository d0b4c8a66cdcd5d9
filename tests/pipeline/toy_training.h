#pragma once

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <string>
#include <thread>

#include "pipeline/links.h"
#include "pipeline/protocol.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/stage_worker.h"

// Small trainings with threads of this process as ranks.
namespace pipeline {

namespace toy {

inline constexpr int length = 7, vocabulary = 19;

inline nn::LanguageModelConfig tiny_model(const nn::ModelFamily& family = nn::families()[0]) {
  return {.vocab_size = vocabulary,
          .hidden_size = 16,
          .layers = 6,
          .heads = 2,
          .key_value_heads = family.name == "llama" ? 1 : 2,
          .intermediate_size = 24,
          .max_positions = length,
          .family = &family};
}

// A text in which the next token mostly follows from the last one.
inline std::vector<std::uint16_t> some_text(nn::index tokens = vocabulary) {
  std::vector<std::uint16_t> ids{3};
  while (ids.size() < 2000) ids.push_back((5 * ids.back() + (ids.size() % 7 == 0)) % tokens);
  return ids;
}

inline TrainingConfig config_of(std::string_view schedule, int stages, int pipelines,
                                int microbatches,
                                const nn::ModelFamily& family = nn::families()[0]) {
  TrainingConfig config;
  config.model = tiny_model(family);
  config.topology = {stages, pipelines};
  config.schedule = schedule;
  const ScheduleEntry& entry = *find_schedule(schedule);
  config.chunks = stages < 6 ? std::min(2, entry.most_chunks) : entry.least_chunks;
  config.microbatches = microbatches;
  config.batch = microbatches * pipelines;
  config.length = length;
  config.steps = 3;
  config.cut = default_cut(static_cast<int>(config.model.layers), stages * config.chunks);
  return config;
}

// Batches of 6 sequences, however they are cut.
inline TrainingConfig config_of_six(std::string_view schedule, int stages, int pipelines,
                                    std::string_view family = "llama") {
  TrainingConfig config =
      config_of(schedule, stages, pipelines, 6 / pipelines, *nn::find_family(family));
  config.steps = 8;
  config.warmup = 2;
  return config;
}

// A step's batch of 6 sequences, cut for three pipelines, is shared by another number of them.
inline TrainingConfig config_of_three(std::string_view schedule, int stages, int pipelines,
                                      std::string_view family = "llama") {
  TrainingConfig config = config_of(schedule, stages, pipelines, 2, *nn::find_family(family));
  config.full_pipelines = 3;
  config.batch = 6;
  return config;
}

// With a split head, of so many tokens that three stages can have a share.
inline TrainingConfig config_with_split_head(std::string_view schedule, int stages, int pipelines,
                                             int microbatches, nn::index tokens = 4500) {
  TrainingConfig config = config_of(schedule, stages, pipelines, microbatches);
  config.model.vocab_size = tokens;
  config.splits_head = true;
  return config;
}

// Gets what a rank has dropped in the end; see Mailbox::strangers. Called by all ranks' threads.
using Drops = std::function<void(int rank, const std::map<std::string, int>& strangers)>;
inline void no_drops(int rank, const std::map<std::string, int>& strangers) {
  for (const auto& [what, count] : strangers)
    throw nn::Error(nn::concat("rank ", rank, " dropped ", what, " (", count, ')'));
}

struct Rank {
  int rank;
  Stage& stage;
  StageWorker& worker;
  Mailbox& mailbox;
};

// Does the work as every rank of the training, over inproc, and returns their stages. Throws what a
// rank throws, the lowest rank's exception first, except for the loss of another rank. Ranks may
// drop only messages that `drops` accepts.
inline std::deque<Stage> as_ranks(const TrainingConfig& config, const std::string& name,
                                  const std::function<void(Rank)>& work,
                                  const Drops& drops = no_drops) {
  const std::vector<std::uint16_t> text = some_text(config.model.vocab_size);
  const data::Windows windows(text, length);
  const int ranks = config.topology.ranks();
  std::vector<std::string> addresses;
  for (int rank = 0; rank < ranks; ++rank)
    addresses.push_back(nn::concat("inproc://", name, '-', rank));
  std::deque<Stage> stages;  // outlive the network, whose messages read their memory
  for (int rank = 0; rank < ranks; ++rank)
    stages.emplace_back(config.model, blocks_of(config, config.topology.stage(rank)), length,
                        config.seed, 1, config.recomputes,
                        rows_of(config, config.topology.stage(rank)));
  std::vector<std::exception_ptr> failures(ranks), losses(ranks);
  {
    Network network;
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
      threads.emplace_back([&, rank] {
        Mailbox mailbox(network, {.rank = rank,
                                  .addresses = addresses,
                                  .links = links_of(config, rank),
                                  .deadline = std::chrono::seconds(10)});
        try {
          mailbox.expect(Protocol(config, rank));
          mailbox.meet(terms(config), std::chrono::seconds(20));
          Trace trace;
          StageWorker worker(config, stages[rank], mailbox, &windows, trace);
          work({rank, stages[rank], worker, mailbox});
          mailbox.part();
          drops(rank, mailbox.strangers());
        } catch (const PeerLost&) {
          losses[rank] = std::current_exception();
        } catch (const std::exception& error) {
          failures[rank] = std::current_exception();
          mailbox.announce_failure(error.what());
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
  failures.insert(failures.end(), losses.begin(), losses.end());
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return stages;
}

// All weights of a pipeline, in the order of the whole model.
inline std::vector<nn::real> weights_of(std::deque<Stage>& stages, const TrainingConfig& config,
                                        int pipeline = 0) {
  std::vector<nn::real> weights;
  for (int block = 0; block < count_blocks(config); ++block)
    for (int stage = 0; stage < config.topology.stages; ++stage) {
      nn::LanguageModel& model = stages[config.topology.rank(pipeline, stage)].model();
      const auto [offset, size] = model.range(block);
      const auto values = model.parameters().values().subspan(offset, size);
      weights.insert(weights.end(), values.begin(), values.end());
    }
  return weights;
}

struct Learnt {
  std::vector<double> losses;     // of each step
  std::vector<nn::real> weights;  // of the last pipeline, after the last step
};
inline Learnt learn(const TrainingConfig& config) {
  require_valid(config);
  Learnt learnt;
  auto stages = as_ranks(config, "learn", [&](Rank rank) {
    for (int step = 0; step < config.steps; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) learnt.losses.push_back(loss.value());
    }
  });
  learnt.weights = weights_of(stages, config, config.topology.pipelines - 1);
  return learnt;
}

}  // namespace toy

}  // namespace pipeline
