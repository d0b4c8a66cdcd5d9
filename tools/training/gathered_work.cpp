#include "tools/training/gathered_work.h"

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

}  // namespace

std::string told_work(const pipeline::StageWorker& worker, pipeline::Link link) {
  std::ostringstream text;
  text << std::setprecision(9) << link.latency << ' ' << link.seconds_per_byte << ' '
       << worker.seconds_per_action();
  const std::vector<ChunkWork> work = worker.measured_work();
  each_number(work, [&](double number) { text << ' ' << number; });
  return text.str();
}

GatheredWork gather_work(const pipeline::TrainingConfig& config, const std::string& own,
                         pipeline::Mailbox& mailbox) {
  GatheredWork sum;
  for (int stage = 0; stage < config.topology.stages; ++stage)
    each_number(sum.work.emplace_back(blocks_of_stage(config, stage)),
                [](double& number) { number = 0; });
  for (int rank = 0; rank < mailbox.ranks(); ++rank) {
    const std::string what = nn::concat("waiting for the costs of rank ", rank);
    std::istringstream text(
        rank == mailbox.rank() ? own : mailbox.receive(rank, {pipeline::Tag::report}, what).text());
    const auto add = [&](double& to, double times) {
      double number = 0;
      text >> number;
      to += times * number;
    };
    auto& [link, action, adding, cores] = sum.cluster;
    add(link.latency, 1);  // all but rank 0 tell zeros
    add(link.seconds_per_byte, 1);
    add(action, 1.0 / mailbox.ranks());
    each_number(sum.work[config.topology.stage(rank)],
                [&](double& number) { add(number, 1.0 / config.topology.pipelines); });
  }
  sum.cluster.adding = measure_adding();
  return sum;
}

}  // namespace training
