#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nn/real.h"
#include "pipeline/collectives.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/outer_steps/wire_formats.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Pipelines train alone, and agree on their weights from time to time (DiLoCo, Douillard et al.
// 2023, "DiLoCo: Distributed Low-Communication Training of Language Models", algorithm 1). For each
// block of the model, with W the weights agreed on, W_p those of pipeline p, and mu and lr the
// outer momentum and learning rate:
//
//   d_p <- W_p - W                  sent to the owners of its segments
//   v   <- mu v + mean of d_p       an owner adds up in the order of pipelines
//   s   <- lr (mu v + mean of d_p)  Nesterov's step, as torch.optim.SGD takes it; sent to all
//   W   <- W + s                    W_p <- W
//
// Each pipeline owns one segment of every block, and has v for no other. Differences and steps are
// encoded (wire_formats.h); what a code lacks is added to the next number in the same place. All
// ranks, the owner among them, add the decoded step, so they agree on the same bits.
//
// While fragments are exchanged, training goes on (sync_times.h). If W is adopted some steps after
// d_p was sent, W_p becomes the mean of both (Streaming DiLoCo, Douillard et al. 2025, "Overlapping
// communication with computation", with alpha = 1/2).
class OuterSteps {
 public:
  // All arguments must outlive it, and it must outlive the mailbox's network. Pipelines that do not
  // train alone take no outer steps.
  OuterSteps(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Trace& trace);

  // Called by all ranks at the end of a step: starts the exchanges that are due, and waits for
  // those that end. `place`: for error messages.
  void finish_step(int step, const std::string& place);

  // Takes the messages that have arrived; never blocks.
  void advance();

  // Waits until W is agreed on in all exchanges, also in those that end later: state() is then all
  // that later steps need.
  void finish_exchanges(const std::string& place);

  // The state of a block, for checkpoints; empty if there are no outer steps.
  struct State {
    struct Array {
      const char* name;
      std::span<nn::real> values;
    };
    std::vector<Array> of_weights;  // one number for each of the block's weights
    std::vector<Array> of_segment;  // one for each in the rank's own segment, or for all
  };
  State state(int block);

  // Processor time of this rank's thread so far.
  double seconds_at_work() const { return seconds_at_work_; }

 private:
  struct Block {
    std::vector<nn::real> agreed, lost;  // W, and what the codes of d_p lacked
    // In the rank's own segment: the mean of d_p, v, and what the codes of s lacked.
    std::vector<nn::real> mean, momentum, lost_steps;
    std::vector<std::byte> difference, step;  // as sent
    nn::real is_due = 0;  // 1: an exchange has started, and W is not adopted yet
    bool is_under_way = false;
    // Of the exchange under way: the step in the tags of its messages, how many pipelines have been
    // added to the mean, and how many segments have been taken from their owners.
    int last_step = 0, added = 0, taken = 0;
    double start = 0;
    Lease lease;
  };

  Segment segment(const Block& block, int pipeline) const;
  std::span<std::byte> difference_for(Block& block, int pipeline);
  void start(int number, Block& block, int last_step);
  void advance(int number, Block& block);
  bool add(int pipeline, Tag tag, std::span<const std::byte> own, std::span<nn::real> sums);
  void take_step(int number, Block& block);
  void adopt(int number, Block& block, bool is_delayed);
  void send(int pipeline, Tag tag, std::span<const std::byte> bytes, Block& block);
  int rank_of(int pipeline) const { return config_.topology.rank(pipeline, own_stage_); }

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  Trace& trace_;
  const WireFormat& wire_;
  int own_stage_, own_pipeline_, pipelines_;
  std::map<int, Block> blocks_;
  double seconds_at_work_ = 0;
};

// The tag of a message about a block. An exchange has the number of the step at whose end it ends.
enum class OuterPart { difference, step };
Tag outer_tag(int last_step, int block, OuterPart part);

}  // namespace pipeline
