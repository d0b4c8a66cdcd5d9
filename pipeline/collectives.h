#pragma once

#include <span>
#include <string>
#include <vector>

#include "pipeline/mailbox/mailbox.h"

namespace pipeline {

// One of the segments that a ring of ranks divides values into, one per rank. `number` is taken
// modulo the ring's size; the last segments may be shorter, or empty.
struct Segment {
  std::size_t first, length;
};
Segment ring_segment(std::size_t values, int ranks, int number);
inline int ring_turns(int ranks) { return 2 * (ranks - 1); }

// Replaces `values` on every rank of a group by their mean, while other work goes on: nothing in it
// waits. A ring (Patarasuk and Yuan 2009), which sends 2 (n - 1) / n of the values per rank:
//
//   turns 0 to n-2       rank r sends segment r - turn and adds what comes to the one before it;
//                        then segment r + 1 is summed up on rank r, and divided there by n
//   turns n-1 to 2n-3    the finished segments go round
//
// One rank sums a segment, in the order of the ring, so that all end with the same bits.
class RingAllReduce {
 public:
  // `place` is this rank's in the group; `step` and `item` tell this reduction's messages from
  // others'. The values and the lease must stay until it is done.
  RingAllReduce(Mailbox& mailbox, std::vector<int> group, int place, std::span<nn::real> values,
                int step, int item, Lease& lease);

  // Goes on as far as messages are here. True once the mean is there and no message reads it.
  bool advance();

 private:
  std::span<nn::real> segment(int number) const;
  int turns() const { return ring_turns(size_); }
  void send_turn();

  Mailbox& mailbox_;
  std::vector<int> group_;
  int size_, place_;
  std::span<nn::real> values_;
  int step_, item_;
  Lease& lease_;
  int turn_ = 0;
};

// Makes all ranks of a run stop after the same step. Rank 0 decides; any rank may ask it to.
class StepOrders {
 public:
  explicit StepOrders(Mailbox& mailbox) : mailbox_(mailbox) {}

  // All ranks call it when `done` steps are done. True on all of them if they take another step: if
  // rank 0 has steps left and has received no request to stop. `what` is for error messages.
  bool go_on(int done, bool has_steps_left, bool wants_to_stop, const std::string& what);

 private:
  Mailbox& mailbox_;
  bool has_asked_ = false;
};

// True on every rank if it is on any. All call it with the same tag; none returns before all have.
bool is_on_any_rank(Mailbox& mailbox, bool is_here, Tag tag, const std::string& what);

}  // namespace pipeline
