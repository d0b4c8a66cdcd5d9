#pragma once

#include <set>

#include "pipeline/frame.h"
#include "pipeline/job.h"

namespace pipeline {

// The messages that a rank can get, as the schedule has it; all others are dropped
// (Mailbox::expect). So no rank can fill another's memory with more than the messages of two steps.
class Protocol {
 public:
  // Until the cut is known any piece of the model may be averaged.
  Protocol(const Job& job, int rank, bool is_cut_known = true);

  // Whether rank `from` can send this rank, while it is at `step`, such a message of so many bytes.
  // How often is for the mailbox to say: a tag comes once.
  bool operator()(int from, Tag tag, std::size_t bytes, int step) const;

 private:
  bool is_crossing(int from, Tag tag, std::size_t bytes, int offset) const;
  bool is_reduction(int from, Tag tag, std::size_t bytes) const;
  bool is_checkpoint(int from, Tag tag, std::size_t bytes, int step) const;

  Job job_;
  int rank_, stage_, pipeline_;
  std::set<int> pieces_;  // that this rank averages
};

}  // namespace pipeline
