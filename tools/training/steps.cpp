#include "tools/training/steps.h"

#include <iostream>

#include "nn/file.h"
#include "pipeline/checkpoint.h"

namespace training {

namespace {

constexpr const char* losses_file = "loss.csv";  // beside the weights, for it goes on with them

using pipeline::Checkpoints;

int resume(const RankOptions& options, Checkpoints& checkpoints) {
  const int step = checkpoints.resume(
      [](const std::string& line) { std::cout << "note: " << line << std::endl; });
  if (options.rank == 0)
    std::cout << (step > 0 ? nn::concat("resumed: after step ", step, " of ")
                           : std::string("started anew: there is no checkpoint yet in "))
              << options.checkpoint.string() << std::endl;
  return step;
}

}  // namespace

std::optional<double> take_steps(const RankOptions& options, pipeline::Stage& stage,
                                 pipeline::Worker& worker, pipeline::Mailbox& mailbox,
                                 State& state) {
  const pipeline::Job& job = options.job;
  nn::CheckpointFolder folder(options.checkpoint);
  Checkpoints checkpoints(folder, job, stage, worker, mailbox);
  int step = 0;
  if (options.is_resumed) {
    state.set("resuming");
    step = resume(options, checkpoints);
  }
  std::optional<LossLog> losses;
  if (options.rank == job.topology.recorder())
    losses.emplace(options.out / losses_file, job.steps, job.batch * job.length,
                   step > 0 ? nn::read_file(folder.path_of(step) / losses_file) : "");

  const bool has_steps = step < job.steps;
  worker.on_action = [&](pipeline::Work work, int microbatch) {
    state.set(step + 1, name_of(kind_of(work)), microbatch);
  };
  while (step < job.steps) {
    const std::optional<double> loss = worker.step(step);
    ++step;
    if (losses && loss) losses->add(step, *loss);
    if (losses && !loss) losses->leave_out(step);
    if (options.checkpoint.empty()) continue;
    if (step % options.checkpoint_every != 0 && step < job.steps) continue;
    state.set(nn::concat("saving step ", step));
    std::vector<nn::CheckpointFolder::File> more;
    if (losses)
      more.push_back(folder.write(step, losses_file, nn::read_file(options.out / losses_file)));
    checkpoints.save(step, std::move(more));
  }
  worker.on_action = [](pipeline::Work, int) {};
  if (losses && worker.steps_left_out > 0)
    std::cout << "left out: " << worker.steps_left_out
              << " steps of which the loss or a gradient was not finite" << std::endl;
  return losses && has_steps ? std::optional(losses->seconds_per_step()) : std::nullopt;
}

}  // namespace training
