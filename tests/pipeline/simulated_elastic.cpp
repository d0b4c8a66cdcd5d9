#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "nn/base/error.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/links.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/members.h"
#include "pipeline/protocol.h"
#include "pipeline/stage_worker.h"
#include "tests/pipeline/simulated_training.h"
#include "tests/pipeline/toy_training.h"
#include "tools/training/replica.h"

// Ranks of an elastic training, as in tools/training/elastic.cpp.
namespace pipeline {

namespace {

constexpr std::chrono::milliseconds pause_of_launcher{500};  // before it replaces a lost rank
constexpr std::chrono::minutes longest_training{5};

}  // namespace

struct SimulatedTraining::World {
  SimulatedNetwork& network;
  std::shared_ptr<nn::Storage> disk;
  SimulatedPlace place;
};

class SimulatedTraining::Process {
 public:
  Process(SimulatedTraining& training, World& world, int seat, Ending& ending)
      : training_(training),
        config_(training.config_),
        world_(world),
        seat_(seat),
        ending_(ending),
        members_({.folder = world.place.folder("members", seat),
                  .doors = world.place.doors(seat),
                  .seat = seat,
                  .shape = {.stages = config_.topology.stages,
                            .pipelines = config_.topology.pipelines,
                            .most_pipelines = config_.all_microbatches()},
                  .id = nn::concat("process-", 1000 + training.processes_++),
                  .heartbeat = heartbeat,
                  .patience = deadline}) {}

  void run() {
    for (bool is_done = false; !is_done;) {
      training_.on_phase(seat_, Phase::agreeing);
      const std::optional<Epoch> epoch = members_.agree(replica_.offer());
      if (!epoch) return;  // the run has ended
      const int rank = epoch->rank_of(members_.id());
      if (rank < 0)
        replica_.lose_state();
      else
        is_done = train(*epoch, rank);
    }
  }

 private:
  // Messages may read this process's memory until it has left an epoch.
  struct Withdrawal {
    SimulatedNetwork& network;
    int seat;
    ~Withdrawal() { network.withdraw(seat); }
  };

  // Returns whether the run has ended.
  bool train(const Epoch& epoch, int rank) {
    const TrainingConfig config = training::config_of(config_, epoch);
    replica_.begin(epoch);
    if (!replica_.stage)
      replica_.stage =
          std::make_unique<Stage>(config.model, blocks_of(config, config.topology.stage(rank)),
                                  toy::length, config.seed, 1, config.recomputes);
    Trace trace;
    std::optional<StageWorker> worker;
    bool is_done = false;
    {
      const Withdrawal withdrawal{world_.network, seat_};
      std::vector<int> seats;
      for (const Epoch::Member& member : epoch.members) seats.push_back(member.seat);
      Network network(world_.network.join(epoch.number, seats));
      std::optional<Mailbox> mailbox;
      std::string reason;
      try {
        meet(epoch, config, rank, network, mailbox);
        worker.emplace(config, *replica_.stage, *mailbox, &training_.windows_.training, trace);
        replica_.enter(*worker);
        replica_.catch_up(epoch, config, *worker, *mailbox);
        is_done = take_steps(config, *worker, *mailbox);
      } catch (const PeerLost& lost) {
        reason = lost.news;
      } catch (const Mailbox::Stopped&) {
        reason = "others go on without this rank";
      } catch (const std::exception& error) {
        reason = error.what();
        if (!members_.is_outdated()) {
          if (mailbox) mailbox->announce_failure(reason);
          throw;
        }
      }
      if (mailbox && !reason.empty()) mailbox->announce_failure(reason);
    }
    if (worker) replica_.leave(*worker);
    return is_done;
  }

  void meet(const Epoch& epoch, const TrainingConfig& config, int rank, Network& network,
            std::optional<Mailbox>& mailbox) {
    training_.on_phase(seat_, Phase::meeting);
    const int ranks = config.topology.ranks();
    Mailbox::Options access{.rank = rank,
                            .addresses = std::vector<std::string>(ranks),
                            .links = links_of(config, rank),
                            .deadline = deadline,
                            .heartbeat = heartbeat,
                            .stop = &members_.is_over()};
    training::add_links(access, epoch, config);
    const auto patience = training::patience_of(epoch, access);
    const std::string name = nn::concat("members/meeting-", epoch.number);
    try {
      access.run =
          training_.meet(*world_.place.folder(name, seat_), rank, ranks, patience, access.stop);
    } catch (const nn::InputError& error) {
      throw PeerLost(error.what(), error.what());
    }
    mailbox.emplace(network, access);
    mailbox->expect(Protocol(config, rank));
    mailbox->begin_step(training::step_before(epoch));
    mailbox->meet(terms(config), patience);
    if (rank == 0) training_.folders_.erase(name);
  }

  // Returns whether the run has ended; otherwise others are to join.
  bool take_steps(const TrainingConfig& config, StageWorker& worker, Mailbox& mailbox) {
    training_.on_phase(seat_, Phase::training);
    training::Course& course = replica_.course;
    nn::CheckpointFolder saved(training_.folder_, world_.disk);
    Checkpoints checkpoints(saved, config, *replica_.stage, worker, mailbox);
    const bool continues = course.has_begun();
    const int first =
        course.is_under_way ? course.done : checkpoints.resume([](const std::string&) {});
    for (int other = 1; mailbox.rank() == 0 && other < mailbox.ranks(); ++other)
      mailbox.send_text(other, run_name_tag, "toy");
    if (mailbox.rank() != 0) mailbox.receive(0, run_name_tag, "waiting for the run's name");
    course.set_out(first, "toy");
    record_rows();
    std::optional<Evaluation> evaluation;
    if (config.evaluate_every > 0)
      evaluation.emplace(config, *replica_.stage, mailbox, *training_.windows_.held_out);
    const auto evaluate = [&] {
      if (is_evaluated_after(config, course.done))
        training_.record(training_.results_.validations, course.done,
                         evaluation->loss(course.done - 1, worker.place()));
    };
    StepOrders orders(mailbox);
    const auto goes_on = [&] {
      return orders.go_on(course.done, course.done < config.steps,
                          training_.is_told_to_stop(seat_, course.done),
                          worker.place() + " waited for rank 0's order",
                          mailbox.rank() == 0 && members_.has_newcomers(course.done));
    };
    const auto save = [&] {
      training_.on_phase(seat_, Phase::saving);
      checkpoints.save(course.done, {});
      training_.on_phase(seat_, Phase::training);
    };
    bool is_on = (!continues && course.done < config.steps) || goes_on();
    if (continues) evaluate();
    if (continues && !is_on && !orders.calls_others()) save();
    while (is_on) {
      const std::optional<double> loss = worker.step(course.done);
      course.add(course.done + 1, loss, worker.gradients().verdict());
      record_rows();
      is_on = goes_on();
      evaluate();
      const bool is_last = !is_on && !orders.calls_others();
      if (is_last || course.done % save_every == 0) save();
    }
    training_.on_phase(seat_, Phase::parting);
    if (orders.calls_others()) {
      mailbox.part();
      return false;
    }
    keep_weights();
    if (mailbox.rank() == 0) members_.end("finished");
    mailbox.part();
    ending_.steps = course.done;
    for (const auto& [what, count] : mailbox.strangers())
      training_.contradiction = nn::concat("rank ", seat_, " dropped ", what);
    return true;
  }

  void record_rows() {
    for (const auto& [step, row] : replica_.course.rows)
      training_.record(training_.results_.losses, step, row.loss);
  }

  void keep_weights() {
    auto& blocks = training_.blocks_[seat_ / config_.topology.stages];
    for (const int block : replica_.stage->all_blocks()) {
      const auto [offset, size] = replica_.stage->model().range(block);
      const auto values = replica_.stage->model().parameters().values().subspan(offset, size);
      blocks[block].assign(values.begin(), values.end());
    }
  }

  SimulatedTraining& training_;
  const TrainingConfig& config_;
  World& world_;
  int seat_;
  Ending& ending_;
  training::Replica replica_;
  Members members_;
};

std::vector<Ending> SimulatedTraining::start_elastic(SimulatedNetwork& network,
                                                     std::shared_ptr<nn::Storage> disk) {
  World world{network, std::move(disk), SimulatedPlace(network, time_, folders_)};
  folders_.clear();
  blocks_.clear();
  std::vector<Ending> endings;
  const int seats = config_.topology.ranks() + latecomers.pipelines * config_.topology.stages;
  const auto work = [&](int seat) { keep_alive(world, seat, endings); };
  time_.run(seats, work, longest_training);
  results_.weights.clear();
  for (const auto& [pipeline, blocks] : blocks_) {
    if (static_cast<int>(blocks.size()) < count_blocks(config_)) continue;
    std::vector<nn::real>& weights = results_.weights.emplace_back();
    for (const auto& [block, values] : blocks)
      weights.insert(weights.end(), values.begin(), values.end());
  }
  return endings;
}

// As a launcher does.
void SimulatedTraining::keep_alive(World& world, int seat, std::vector<Ending>& endings) {
  const auto sleep = [&](std::chrono::milliseconds duration) {
    try {
      time_.sleep(seat, duration);
    } catch (const VirtualTime::Over&) {
    }
  };
  if (seat >= config_.topology.ranks()) sleep(latecomers.delay);
  for (;; sleep(pause_of_launcher), world.network.restart(seat)) {
    Ending ending{.rank = seat};
    try {
      Process(*this, world, seat, ending).run();
      ending.how = Ending::done;
    } catch (const PeerLost& lost) {
      ending.how = Ending::lost_another;
      ending.message = lost.what();
    } catch (const std::exception& error) {
      ending.how = Ending::failed;
      ending.message = error.what();
    } catch (const SimulatedNetwork::Crashed&) {
      ending.how = Ending::crashed;
    } catch (const VirtualTime::Over&) {
    }
    ending.time = time_.now();
    endings.push_back(ending);
    if (ending.how == Ending::done || ending.how == Ending::hung) return;
  }
}

}  // namespace pipeline
