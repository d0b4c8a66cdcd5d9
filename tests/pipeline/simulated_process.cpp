#include "tests/pipeline/simulated_process.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/links.h"
#include "pipeline/protocol.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

// Messages may read a process's memory until it has left an epoch.
struct Withdrawal {
  SimulatedNetwork& network;
  int seat;
  ~Withdrawal() { network.withdraw(seat); }
};

std::vector<int> seats_of(const Epoch& epoch) {
  std::vector<int> seats;
  for (const Epoch::Member& member : epoch.members) seats.push_back(member.seat);
  return seats;
}

}  // namespace

SimulatedTraining::Process::Process(SimulatedTraining& training, World& world, int seat,
                                    Ending& ending)
    : training_(training),
      config_(training.config_),
      world_(world),
      seat_(seat),
      ending_(ending),
      shape_{.stages = config_.topology.stages,
             .pipelines = config_.topology.pipelines,
             .most_pipelines = config_.all_microbatches(),
             .plan = training.plan},
      members_({.folder = world.place.folder("members", seat),
                .ports = world.place.ports(seat),
                .seat = seat,
                .shape = shape_,
                .id = nn::concat("process-", 1000 + training.processes_++),
                .heartbeat = heartbeat,
                .patience = deadline}) {}

void SimulatedTraining::Process::run() {
  members_.set_terms(terms(config_));
  if (!members_.has_others_at_work() && training_.has_ended_) members_.end("finished");
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

// Returns whether the run has ended.
bool SimulatedTraining::Process::train(const Epoch& epoch, int rank) {
  const TrainingConfig config = training::config_of(config_, epoch);
  pipelines_ = epoch.pipelines(shape_.stages);
  replica_.begin(epoch, rank);
  if (!replica_.stage)
    replica_.stage =
        std::make_unique<Stage>(config.model, blocks_of(config, config.topology.stage(rank)),
                                toy::length, config.seed, 1, config.recomputes);
  Trace trace;
  std::optional<StageWorker> worker;
  bool is_done = false;
  {
    const Withdrawal withdrawal{world_.network, seat_};
    Network network(world_.network.join(epoch.number, seats_of(epoch)));
    std::optional<Mailbox> mailbox;
    training::work_in_epoch(members_, rank, mailbox, [&] {
      meet(epoch, config, rank, network, mailbox);
      worker.emplace(config, *replica_.stage, *mailbox, &training_.windows_.training, trace);
      replica_.enter(*worker);
      replica_.catch_up(epoch, config, *worker, *mailbox);
      is_done = take_steps(config, *worker, *mailbox);
    });
  }
  if (worker) replica_.leave(*worker);
  return is_done;
}

void SimulatedTraining::Process::meet(const Epoch& epoch, const TrainingConfig& config, int rank,
                                      Network& network, std::optional<Mailbox>& mailbox) {
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

// What a process does in an epoch, as in tools/training/steps.cpp.
class SimulatedTraining::Process::Steps {
 public:
  Steps(Process& process, const TrainingConfig& config, StageWorker& worker, Mailbox& mailbox)
      : process_(process),
        training_(process.training_),
        course_(process.replica_.course),
        config_(config),
        worker_(worker),
        mailbox_(mailbox),
        saved_(training_.folder_, process.world_.disk),
        checkpoints_(saved_, config, *process.replica_.stage, worker, mailbox),
        orders_(mailbox) {
    if (config.evaluate_every > 0)
      evaluation_.emplace(config, *process.replica_.stage, mailbox, *training_.windows_.held_out);
  }

  // Returns whether the run has ended; otherwise others are to join.
  bool take() {
    const bool continues = course_.has_begun();
    begin();
    const bool begins = !continues && course_.done < config_.steps;
    if (begins && course_.done > 0) goes_on(false);  // others may be due after a checkpoint
    if (orders_.calls_others()) return false;
    bool is_on = begins || goes_on();
    if (continues) {  // what the last epoch may not have finished is done again
      evaluate();
      if (!is_on && !orders_.calls_others()) save();
    }
    while (is_on) is_on = step();
    training_.on_phase(process_.seat_, Phase::parting);
    return !orders_.calls_others();
  }

 private:
  void begin() {
    const int done =
        course_.is_under_way ? course_.done : checkpoints_.resume([](const std::string&) {});
    for (int other = 1; mailbox_.rank() == 0 && other < mailbox_.ranks(); ++other)
      mailbox_.send_text(other, run_name_tag, "toy");
    if (mailbox_.rank() != 0) mailbox_.receive(0, run_name_tag, "waiting for the run's name");
    const bool is_over = training_.has_ended_ || process_.members_.is_outdated();
    if (!course_.is_under_way && !is_over) {  // not one that has been away
      training_.steps_lost += std::max(training_.steps_done_ - done, 0);
      training_.steps_done_ = done;
    }
    course_.set_out(done, "toy");
    process_.record_rows();
  }

  bool step() {
    const std::optional<double> loss = worker_.step(course_.done);
    process_.require_planned(course_.done + 1);
    course_.add(course_.done + 1, loss, worker_.gradients().verdict());
    training_.steps_done_ = std::max(training_.steps_done_, course_.done);
    process_.record_rows();
    const bool is_on = goes_on();
    evaluate();
    const bool is_last = !is_on && !orders_.calls_others();
    if (is_last || course_.done % save_every == 0) save();
    return is_on;
  }

  bool goes_on(bool may_stop = true) {
    return orders_.go_on(course_.done, course_.done < config_.steps,
                         may_stop && training_.is_told_to_stop(process_.seat_, course_.done),
                         worker_.place() + " waited for rank 0's order",
                         mailbox_.rank() == 0 && process_.members_.has_newcomers(course_.done));
  }

  void evaluate() {
    if (is_evaluated_after(config_, course_.done))
      training_.record(training_.results_.validations, course_.done,
                       evaluation_->loss(course_.done - 1, worker_.place()));
  }

  void save() {
    training_.on_phase(process_.seat_, Phase::saving);
    checkpoints_.save(course_.done, {});
    training_.on_phase(process_.seat_, Phase::training);
  }

  Process& process_;
  SimulatedTraining& training_;
  training::Course& course_;
  const TrainingConfig& config_;
  StageWorker& worker_;
  Mailbox& mailbox_;
  nn::CheckpointFolder saved_;
  Checkpoints checkpoints_;
  StepOrders orders_;
  std::optional<Evaluation> evaluation_;
};

// Returns whether the run has ended.
bool SimulatedTraining::Process::take_steps(const TrainingConfig& config, StageWorker& worker,
                                            Mailbox& mailbox) {
  training_.on_phase(seat_, Phase::training);
  Steps steps(*this, config, worker, mailbox);
  const bool has_ended = steps.take();
  if (has_ended) {
    keep_weights();
    training_.has_ended_ = true;
    if (mailbox.rank() == 0) members_.end("finished");
  }
  mailbox.part();
  if (!has_ended) return false;
  ending_.steps = replica_.course.done;
  for (const auto& [what, count] : mailbox.strangers())
    training_.contradiction = nn::concat("rank ", seat_, " dropped ", what);
  return true;
}

void SimulatedTraining::Process::require_planned(int step) {
  const std::vector<int>* const planned = shape_.planned(step - 1);
  if (planned && *planned != pipelines_)
    training_.contradiction = nn::concat("step ", step, " was taken by others than planned");
}

void SimulatedTraining::Process::record_rows() {
  for (const auto& [step, row] : replica_.course.rows)
    training_.record(training_.results_.losses, step, row.loss);
}

void SimulatedTraining::Process::keep_weights() {
  auto& blocks = training_.blocks_[seat_ / config_.topology.stages];
  for (const int block : replica_.stage->all_blocks()) {
    const auto weights = replica_.stage->weights_of(block);
    blocks[block].assign(weights.begin(), weights.end());
  }
}

}  // namespace pipeline
