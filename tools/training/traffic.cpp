#include "tools/training/traffic.h"

#include <algorithm>

#include "nn/base/error.h"
#include "pipeline/links.h"
#include "pipeline/topology.h"

namespace training {

Traffic::Traffic(const pipeline::TrainingConfig& config, const pipeline::Mailbox& mailbox)
    : config_(config),
      mailbox_(mailbox),
      links_(pipeline::links_of(config, mailbox.rank())),
      start_(sent()),
      last_(start_) {}

Traffic::Bytes Traffic::sent() const {
  const pipeline::Topology& topology = config_.topology;
  Bytes sent;
  for (int other : links_) {
    const std::uint64_t bytes = mailbox_.bytes_sent(other);
    sent.all += bytes;
    if (topology.pipeline(other) != topology.pipeline(mailbox_.rank())) sent.to_others += bytes;
  }
  return sent;
}

void Traffic::add_step(int done) {
  const Bytes now = sent();
  if (done < config_.steps)
    most_in_a_step_ = std::max(most_in_a_step_, now.to_others - last_.to_others);
  last_ = now;
}

std::string Traffic::text() const {
  const Bytes now = sent();
  return nn::concat(
      "sent: rank ", mailbox_.rank(), ' ', now.all - start_.all, " bytes",
      config_.topology.pipelines == 1
          ? ""
          : nn::concat(", ", now.to_others - start_.to_others, " to other pipelines, at most ",
                       most_in_a_step_, " in a step before the last"));
}

}  // namespace training
