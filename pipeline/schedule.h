#pragma once

#include <span>
#include <string_view>
#include <vector>

// The order in which a stage does its share of one training step. A schedule is data: a list of
// actions from a pure function, the same on every rank. Sends and receives follow from it.
namespace pipeline {

enum class Work {
  forward,
  backward,  // the data half: the gradient of the stage's input, which the stage before waits for
  weights,   // the other half: the gradients of the stage's weights, which no other stage needs
};

// One microbatch in one chunk. A stage has one or more chunks of the model, numbered from 0.
struct Action {
  Work work;
  int microbatch;
  int chunk = 0;

  bool operator==(const Action&) const = default;
};

// What a stage's list depends on. The model is cut into chunks * stages parts.
struct Plan {
  int stage, stages, microbatches, chunks = 1;
};

// Forward, backward and weights of each (microbatch, chunk), once each; the weights of a chunk in
// ascending microbatches, so that gradients are summed in the order of serial training.
using Schedule = std::vector<Action>;

struct ScheduleEntry {
  std::string_view name;         // on the command line
  std::string_view description;  // with its source
  // Throws std::invalid_argument for an impossible plan, such as two chunks without has_chunks.
  Schedule (*make)(const Plan&);
  bool has_chunks = false;  // a stage may have more than one
};

// All schedules, by the names that programs take.
std::span<const ScheduleEntry> schedule_table();
const ScheduleEntry* find_schedule(std::string_view name);  // null if there is none

// The lists of all stages, in order.
std::vector<Schedule> all_stages(const ScheduleEntry& entry, int stages, int microbatches,
                                 int chunks = 1);

// The number of a stage's chunk in the whole model. Chunks are dealt to the stages round-robin.
constexpr int global_chunk(int stage, int chunk, int stages) { return chunk * stages + stage; }

}  // namespace pipeline
