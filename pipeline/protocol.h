#pragma once

#include <cstddef>
#include <map>

#include "pipeline/mailbox/frame.h"
#include "pipeline/placement.h"
#include "pipeline/training_config.h"

namespace pipeline {

// The messages that the schedule has for a rank; all others are dropped (Mailbox::expect). So a
// rank can fill another's memory with the messages of two steps at most.
class Protocol {
 public:
  // Until the cut is known, messages about any block of the model are allowed.
  Protocol(const TrainingConfig& config, int rank, bool is_cut_known = true);

  // Whether rank `from` may send this rank, now at `step`, a message with this tag and size. The
  // mailbox ensures that each tag is accepted once.
  bool operator()(int from, Tag tag, std::size_t bytes, int step) const;

 private:
  bool is_crossing(int from, Tag tag, std::size_t bytes, int offset) const;
  std::size_t size_of_verdict() const;
  bool is_handover(int from, Tag tag, std::size_t bytes) const;
  bool is_along(int from, int part) const;
  bool is_of_evaluation(int from, Tag tag, std::size_t bytes) const;
  bool is_of_story(int from, Tag tag, std::size_t bytes) const;
  bool is_for_head(int from, Tag tag, std::size_t bytes) const;
  bool is_reduction(int from, Tag tag, std::size_t bytes) const;
  bool is_checkpoint(int from, Tag tag, std::size_t bytes, int step) const;
  bool is_gathered(int from, std::size_t bytes) const;
  bool is_share(int from, Tag tag, std::size_t bytes) const;

  TrainingConfig config_;
  Placement placement_;
  int rank_, stage_, pipeline_, microbatches_;
  struct Block {
    std::size_t size;
    bool is_shared_out;
  };
  std::map<int, Block> blocks_;  // that this rank averages
};

}  // namespace pipeline
