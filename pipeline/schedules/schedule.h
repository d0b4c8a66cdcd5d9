#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "pipeline/schedules/placement.h"

// The order in which a stage does its share of one training step. A schedule is data: a list of
// actions from a pure function, the same on every rank. Sends and receives follow from it.
namespace pipeline {

enum class Work {
  forward,
  backward,  // the data half: the gradient of the stage's input, which the stage before waits for
  weights,   // the other half: the gradients of the stage's weights, which no other stage needs
  // Of a split head (split_head.h):
  scores,  // forward and data half of the stage's rows
  head,    // weights half of the stage's rows
};
constexpr int kinds_of_work = 5;

// One microbatch in one chunk. A stage has one or more chunks of the model, numbered from 0.
struct Action {
  Work work;
  int microbatch;
  int chunk = 0;

  bool operator==(const Action&) const = default;
};

// Forward, backward and weights of each (microbatch, chunk), once each; the weights of a chunk in
// ascending microbatches, so that gradients are summed in the order of serial training.
using Schedule = std::vector<Action>;

// What all stages do in one step, and which of them holds which part of the model.
struct Plan {
  Placement placement;
  int microbatches;
  std::vector<Schedule> stages;
  bool splits_head = false;  // every stage has scores and head of every microbatch, in chunk 0
};

constexpr int any_number = 1 << 20;

struct ScheduleEntry {
  std::string_view name;         // on the command line
  std::string_view description;  // with its source
  Placement (*place)(int stages, int chunks);
  std::vector<Schedule> (*lists)(const Placement& placement, int microbatches);
  int least_chunks = 1, most_chunks = 1;  // of a stage

  // Throws std::invalid_argument for an impossible one, such as two chunks where one is the most.
  Plan plan(int stages, int microbatches, int chunks = 1) const;
};

// All schedules, by the names that programs take.
std::span<const ScheduleEntry> schedule_table();
const ScheduleEntry* find_schedule(std::string_view name);  // null if there is none

}  // namespace pipeline
