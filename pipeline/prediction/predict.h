#pragma once

#include <vector>

#include "pipeline/prediction/step_work.h"
#include "pipeline/trace.h"

namespace pipeline {

// A rank sends its messages one after the other, through whichever link. One of n bytes takes
// n * seconds_per_byte, and arrives `latency` later (Alexandrov et al. 1995, "LogGP").
struct Link {
  double latency = 0, seconds_per_byte = 0;
  bool operator==(const Link&) const = default;
};

// What a step runs on, in seconds.
struct Cluster {
  Link link = {};          // between the stages of a pipeline
  Link group_link = link;  // between pipelines, in a stage group; also of rank 0's order to them
  double action = 0;       // of a rank before each action and each block: mailbox, batch, messages
  double adding = 0;       // of each byte that a rank receives in a ring
  double carrying = 0;     // processor time per step of the threads that carry a rank's messages
  double spread = 0;       // average difference between a rank's work on two microbatches
  double cores = 0;        // that the stages of a pipeline share evenly; 0: enough
};

struct Prediction {
  double length = 0;                       // seconds from one step to the next
  std::vector<std::vector<Event>> events;  // of each stage, from one step of stage 0 to the next
  std::vector<double> bytes;               // that a rank of each stage sends in a step

  double idle_share() const;  // of the time of all stages without work or updates, 0 to 1
};

// How long a step takes when many follow each other. Every rank does the actions of its list, each
// as soon as its input has arrived. A block whose last W is done goes round the ring of its stage
// group (collectives.h). A rank takes a turn when it is free: between actions and blocks, or while
// it waits. When the mean is complete, it updates the block. A step ends with the last update, and
// rank 0 then orders the next one.
//
// Pipelines are equal, so one is simulated, and each of its ranks hears in a ring what it sends
// itself, later by as much as the slowest pipeline is expected to lag behind the mean (spread.h),
// if each varies as its average rank does, independently of the others and of other microbatches.
// Stages that vary wait longer for each other: `length` is the mean of many steps with normally
// distributed actions, the same at every call. `events` are those of a step of average actions. The
// verdicts of TrainingConfig::has_verdicts() are left out. O(actions * stages) for each step.
// Throws like simulate().
Prediction predict_step(const StepWork& work, const Cluster& cluster);

}  // namespace pipeline
