#pragma once

#include <set>

#include "pipeline/frame.h"
#include "pipeline/job.h"

namespace pipeline {

// Which messages a rank can get in a run where every rank does its part: what is not among them is
// never kept (Mailbox::expect). A rank that sends other than it should can so fill no memory beyond
// that of two steps of the schedule.
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
