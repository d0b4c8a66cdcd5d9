#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"

namespace pipeline {

// A ring divides values into one segment per rank. `number` is taken modulo the number of ranks;
// the last segments may be shorter, or empty.
struct Segment {
  std::size_t first, length;
};
Segment ring_segment(std::size_t values, int ranks, int number);
inline int ring_turns(int ranks) { return 2 * (ranks - 1); }

// The segment that a rank of the ring sums up.
inline Segment own_segment(std::size_t values, int ranks, int place) {
  return ring_segment(values, ranks, place + 1);
}

// Work of a group of ranks on `values`, which proceeds while other work continues: it never blocks.
// A ring (Patarasuk and Yuan 2009) in which each rank sends 2 (n - 1) / n of the values:
//
//   turns 0 to n-2       rank r sends segment r - turn, and adds what it receives to the segment
//                        before that; in the end it divides the sum of its own segment,
//                        by n for the mean
//   turns n-1 to 2n-3    the own segments of all ranks go round
//
// Each segment is summed once, in ring order, so all ranks end with the same bits.
enum class RingWork {
  all_reduce,      // replaces the values by their sum / divisor: all turns
  reduce_scatter,  // only the rank's own segment; the others end as parts of sums
  all_gather       // replaces the values by those of the ranks whose own segments they are in
};
template <class Number>  // float or double
class Ring {
 public:
  // `place`: this rank's position in the group. `step` and `item` distinguish the messages of this
  // work from others; a reduce_scatter and an all_gather may have the same. The values and the
  // lease must outlive it.
  Ring(RingWork work, Mailbox& mailbox, std::vector<int> group, int place, std::span<Number> values,
       int divisor, int step, int item, Lease& lease);

  // Proceeds as far as messages have arrived. True once the result is complete and no message reads
  // the values any more.
  bool advance();

 private:
  std::span<Number> segment(int number) const;
  void send_turn();

  Mailbox& mailbox_;
  std::vector<int> group_;
  int size_, place_;
  std::span<Number> values_;
  int divisor_;
  int step_, item_;
  Lease& lease_;
  int turn_, end_;
};

// Makes all ranks of a run stop after the same step. Rank 0 decides; any rank can request it.
class StepOrders {
 public:
  explicit StepOrders(Mailbox& mailbox) : mailbox_(mailbox) {}

  // Called by all ranks after `done` steps. True on all of them if they take another step: if rank
  // 0 has steps left and has received no request to stop. `what` is for error messages.
  // `calls_others`: on rank 0, whether the ranks are to part so that others can join.
  bool go_on(int done, bool has_steps_left, bool wants_to_stop, const std::string& what,
             bool calls_others = false);
  bool calls_others() const { return calls_others_; }  // why the last order was false

 private:
  Mailbox& mailbox_;
  bool has_asked_ = false, calls_others_ = false;
};

// The sum of the numbers of a group of ranks, on each of them. The first one adds up each number
// over the ranks, then the sums in their order: numbers that are zero on all ranks but one add up
// to the same bits whichever has them. Called by all with the same tag and count; returns on none
// before all have called it.
double sum_over_ranks(Mailbox& mailbox, const std::vector<int>& group, std::vector<double> numbers,
                      Tag tag, const std::string& what);

// The same over all ranks.
double sum_over_ranks(Mailbox& mailbox, std::vector<double> numbers, Tag tag,
                      const std::string& what);

// The same for two lists of numbers.
struct TwoSums {
  double first, second;
};
TwoSums sums_over_ranks(Mailbox& mailbox, std::vector<double> first,
                        const std::vector<double>& second, Tag tag, const std::string& what);

}  // namespace pipeline
