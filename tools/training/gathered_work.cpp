#include "tools/training/gathered_work.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/mailbox/frame.h"
#include "tools/training/measure.h"

namespace training {

namespace {

using pipeline::BlockWork, pipeline::ChunkWork, pipeline::Costs, pipeline::StageWork;

// Calls f for each number that a rank tells, in its order.
template <class Chunks, class F>
void each_number(Chunks& chunks, const F& f) {
  for (auto& chunk : chunks) {
    for (double Costs::*const of :
         {&Costs::forward, &Costs::backward, &Costs::weights, &Costs::scores, &Costs::head})
      f(chunk.costs.*of);
    for (auto& block : chunk.blocks) f(block.share), f(block.update);
    if (chunk.rows) f(chunk.rows->update);
  }
}

template <class F>
void each_number(pipeline::StageMemory& memory, const F& f) {
  f(memory.weights), f(memory.rest), f(memory.peak);
  for (double& bytes : memory.microbatch) f(bytes);
}

}  // namespace

std::string told_work(const pipeline::StageWorker& worker, double carrying,
                      const pipeline::Cluster& links, double peak_memory) {
  std::ostringstream text;
  text << std::setprecision(9);
  for (const pipeline::Link& link : {links.link, links.group_link})
    text << link.latency << ' ' << link.seconds_per_byte << ' ';
  text << worker.seconds_per_action() << ' ' << carrying / std::max(1, worker.steps_done()) << ' '
       << worker.spread_of_microbatches();
  const auto& [ring_seconds, ring_bytes] = worker.gradients().ring_cost();
  text << ' ' << ring_seconds << ' ' << ring_bytes;
  const std::vector<ChunkWork> work = worker.measured_work();
  pipeline::StageMemory memory = worker.measured_memory(peak_memory);
  const auto tell = [&](double number) { text << ' ' << number; };
  each_number(work, tell);
  each_number(memory, tell);
  return text.str();
}

GatheredWork gather_work(const pipeline::TrainingConfig& config, const std::string& own,
                         pipeline::Mailbox& mailbox) {
  GatheredWork sum;
  for (int stage = 0; stage < config.topology.stages; ++stage) {
    auto& chunks = sum.work.emplace_back(blocks_of_stage(config, stage));
    each_number(chunks, [](double& number) { number = 0; });
    sum.memory.push_back({.microbatch = std::vector<double>(chunks.size())});
  }
  double ring_seconds = 0, ring_bytes = 0;
  for (int rank = 0; rank < mailbox.ranks(); ++rank) {
    const std::string what = nn::concat("waiting for the costs of rank ", rank);
    std::istringstream text(
        rank == mailbox.rank() ? own : mailbox.receive(rank, {pipeline::Tag::report}, what).text());
    const auto next = [&] {
      double number = 0;
      text >> number;
      return number;
    };
    const auto add = [&](double& to, double times) { to += times * next(); };
    pipeline::Cluster& cluster = sum.cluster;
    for (pipeline::Link* link : {&cluster.link, &cluster.group_link})  // zeros but of rank 0
      add(link->latency, 1), add(link->seconds_per_byte, 1);
    for (double* number : {&cluster.action, &cluster.carrying, &cluster.spread})
      add(*number, 1.0 / mailbox.ranks());
    add(ring_seconds, 1), add(ring_bytes, 1);
    const int stage = config.topology.stage(rank);
    each_number(sum.work[stage],
                [&](double& number) { add(number, 1.0 / config.topology.pipelines); });
    each_number(sum.memory[stage], [&](double& most) { most = std::max(most, next()); });
  }
  sum.cluster.adding = ring_bytes > 0 ? ring_seconds / ring_bytes : measure_adding();
  return sum;
}

}  // namespace training
