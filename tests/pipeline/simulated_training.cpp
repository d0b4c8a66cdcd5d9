#include "tests/pipeline/simulated_training.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "nn/base/error.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/links.h"
#include "pipeline/mailbox/keys.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/meeting.h"
#include "pipeline/protocol.h"
#include "pipeline/stage_worker.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

struct SimulatedTraining::Rank {
  int number;
  Stage& stage;
  std::optional<StageWorker>& worker;
  Mailbox& mailbox;
  std::shared_ptr<nn::Storage> disk;
  Ending& ending;
};

SimulatedTraining::SimulatedTraining(TrainingConfig config, std::filesystem::path folder,
                                     VirtualTime& time)
    : config_(std::move(config)),
      folder_(std::move(folder)),
      time_(time),
      text_(toy::some_text()),
      windows_(data::split_windows(text_, toy::length, config_.held_out)) {}

std::vector<Ending> SimulatedTraining::start(SimulatedNetwork& simulated,
                                             std::shared_ptr<nn::Storage> disk) {
  if (config_.is_elastic) return start_elastic(simulated, disk);
  const int ranks = config_.topology.ranks();
  std::deque<Stage> stages;  // outlive the network, whose messages read their memory
  for (int rank = 0; rank < ranks; ++rank)
    stages.emplace_back(config_.model, blocks_of(config_, config_.topology.stage(rank)),
                        toy::length, config_.seed, 1, config_.recomputes);
  std::deque<std::optional<StageWorker>> workers(ranks);  // these, too, for their moments
  Network network(simulated.join());
  SimulatedPlace place(simulated, time_, folders_);
  std::vector<Ending> endings(ranks);
  const auto work = [&](int rank) {
    Ending& ending = endings[rank];
    ending.rank = rank;
    try {
      on_phase(rank, Phase::meeting);
      const auto folder = place.folder("meeting", rank);
      const std::uint64_t run = meet(*folder, rank, ranks, deadline);
      Mailbox mailbox(network, {.rank = rank,
                                .addresses = std::vector<std::string>(ranks),
                                .links = links_of(config_, rank),
                                .run = run,
                                .deadline = deadline,
                                .heartbeat = heartbeat});
      try {
        Rank own{rank, stages[rank], workers[rank], mailbox, disk, ending};
        train(own);
        ending.how = Ending::done;
        for (const auto& [what, count] : mailbox.strangers())
          contradiction = nn::concat("rank ", rank, " dropped ", what);
      } catch (const PeerLost& lost) {
        ending.how = Ending::lost_another;
        ending.message = lost.what();
        mailbox.announce_failure(lost.news);
      } catch (const std::exception& error) {
        ending.how = Ending::failed;
        ending.message = error.what();
        mailbox.announce_failure(nn::concat("rank ", rank, " failed: ", error.what()));
      }
    } catch (const NotMet& others) {
      ending.how = Ending::lost_another;
      ending.message = others.what();
    } catch (const SimulatedNetwork::Crashed&) {
    } catch (const VirtualTime::Over&) {
    }
    if (simulated.has_crashed(rank)) ending.how = Ending::crashed;
    ending.time = time_.now();
  };
  time_.run(ranks, work, std::chrono::minutes(5));
  results_.weights.clear();
  for (int pipeline = 0; pipeline < config_.topology.pipelines; ++pipeline)
    results_.weights.push_back(toy::weights_of(stages, config_, pipeline));
  return endings;
}

void SimulatedTraining::train(Rank& rank) {
  Mailbox& mailbox = rank.mailbox;
  mailbox.expect(Protocol(config_, rank.number));
  mailbox.meet(terms(config_), deadline);
  if (rank.number == 0) folders_.erase("meeting");
  on_phase(rank.number, Phase::training);
  Trace trace;
  StageWorker& worker =
      rank.worker.emplace(config_, rank.stage, mailbox, &windows_.training, trace);
  std::optional<Evaluation> evaluation;
  if (config_.evaluate_every > 0)
    evaluation.emplace(config_, rank.stage, mailbox, *windows_.held_out);
  nn::CheckpointFolder saved(folder_, rank.disk);
  Checkpoints checkpoints(saved, config_, rank.stage, worker, mailbox);
  int& steps = rank.ending.steps = checkpoints.resume([](const std::string&) {});
  for (int other = 1; rank.number == 0 && other < mailbox.ranks(); ++other)
    mailbox.send_text(other, run_name_tag, "toy");
  if (rank.number != 0) mailbox.receive(0, run_name_tag, "waiting for rank 0 to name the run");
  StepOrders orders(mailbox);
  const auto goes_on = [&] {
    return orders.go_on(steps, steps < config_.steps, is_told_to_stop(rank.number, steps),
                        worker.place() + " waited for rank 0's order");
  };
  for (bool is_on = steps < config_.steps || goes_on(); is_on;) {
    const std::optional<double> loss = worker.step(steps);
    ++steps;
    is_on = goes_on();
    if (loss && rank.number == recorder_of(config_)) record(results_.losses, steps, *loss);
    if (is_evaluated_after(config_, steps))
      record(results_.validations, steps, evaluation->loss(steps - 1, worker.place()));
    if (is_on && steps % save_every != 0) continue;
    on_phase(rank.number, Phase::saving);
    checkpoints.save(steps, {});
    on_phase(rank.number, Phase::training);
  }
  on_phase(rank.number, Phase::parting);
  mailbox.part();
}

// Exchanges addresses and keys, which nobody needs here, and returns the run's number.
std::uint64_t SimulatedTraining::meet(SharedFolder& folder, int rank, int ranks,
                                      std::chrono::milliseconds patience,
                                      const std::atomic<bool>* stop) {
  const std::string key = new_key_pair().public_key;
  return exchange_answers(folder, rank, ranks, {.address = "address", .key = key}, patience, stop)
      .at(rank)
      .call;
}

void SimulatedTraining::record(std::map<int, double>& numbers, int steps, double number) {
  const auto [place, is_new] = numbers.emplace(steps, number);
  const bool has_same_bits = !config_.is_elastic || config_.has_exact_sums;
  if (!is_new && has_same_bits && place->second != number)
    contradiction =
        nn::concat("a loss after step ", steps, " was ", place->second, ", now ", number);
}

}  // namespace pipeline
