#include "pipeline/split_head/head_worker.h"

#include <cstddef>
#include <optional>

#include "pipeline/split_head/head_layout.h"
#include "pipeline/topology.h"

namespace pipeline {

HeadWorker::HeadWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                       Receive receive)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      receive_(std::move(receive)),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      last_(rank_of(placement_of(config).last_stage())) {}

int HeadWorker::rank_of(int stage) const { return config_.topology.rank(own_pipeline_, stage); }

void HeadWorker::send_input(int step, int microbatch, nn::ConstView y, Lease& lease) {
  for (int stage = 0; stage < config_.topology.stages; ++stage)
    mailbox_.send(rank_of(stage), head_input_tag(config_, stage, step, microbatch), y.span(),
                  lease);
}

void HeadWorker::scores(int step, int microbatch, std::span<const int> targets, nn::real weight,
                        const Timed& timed) {
  const Message y =
      receive_(last_, head_input_tag(config_, own_stage_, step, microbatch), "the head's input");
  std::span<const nn::real> scores;
  timed([&] { scores = stage_.head_share().scores(microbatch, y.numbers(), targets, weight); });
  mailbox_.send(last_, {Tag::scores, step, microbatch}, scores,
                stage_.head_share().lease(microbatch));
}

HeadSum HeadWorker::sum(int step, int microbatch, std::span<const int> targets, nn::real weight,
                        const Timed& timed) {
  std::vector<Message> messages;
  std::vector<std::span<const nn::real>> scores;
  for (int stage = 0; stage < config_.topology.stages; ++stage) {
    messages.push_back(receive_(rank_of(stage), {Tag::scores, step, microbatch}, "the scores"));
    scores.push_back(messages.back().numbers());
  }
  HeadSum sum;
  timed([&] { sum = stage_.head_share().sum(scores, targets, weight); });
  std::size_t first = 0;
  for (int stage = 0; stage < config_.topology.stages; ++stage) {
    const std::size_t size = factors_size(config_, stage);
    mailbox_.send_copy(rank_of(stage), {Tag::factors, step, microbatch},
                       std::span(sum.factors).subspan(first, size));
    first += size;
  }
  return sum;
}

void HeadWorker::weights(int step, int microbatch, const Timed& timed) {
  const Message factors =
      receive_(last_, {Tag::factors, step, microbatch}, "the factors of the head");
  timed([&] { stage_.head_share().weights(microbatch, factors.numbers()); });
}

}  // namespace pipeline
