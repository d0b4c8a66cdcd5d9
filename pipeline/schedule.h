#pragma once

#include <span>
#include <string_view>
#include <vector>

// In which order a stage does its share of one training step. A schedule is data: a list of actions
// from a pure function, the same on every rank. What has to be sent and received follows from it.
namespace pipeline {

enum class Work {
  forward,
  backward,  // the data half: the gradient of the stage's input, which the stage before waits for
  weights,   // the other half: the gradients of the stage's weights, for which nobody waits
};

// One microbatch in one chunk. A chunk is one of the parts of the model on a stage; 0 if it has
// one.
struct Action {
  Work work;
  int microbatch;
  int chunk = 0;

  bool operator==(const Action&) const = default;
};

// What a stage knows when it makes its list. The model is cut into chunks * stages parts.
struct Plan {
  int stage, stages, microbatches, chunks = 1;
};

// Every forward, backward and weights of (microbatch, chunk) once; the weights of a chunk in
// ascending microbatches, so that gradients are summed in the order of serial training.
using Schedule = std::vector<Action>;

struct ScheduleEntry {
  std::string_view name;         // on the command line
  std::string_view description;  // with its source
  // Throws std::invalid_argument for a plan that cannot be, such as two chunks without has_chunks.
  Schedule (*make)(const Plan&);
  bool has_chunks = false;  // a stage may have several parts of the model
};

// All schedules that a program can name.
std::span<const ScheduleEntry> schedule_table();
const ScheduleEntry* find_schedule(std::string_view name);  // null if there is none

// The lists of all stages, in their order.
std::vector<Schedule> all_stages(const ScheduleEntry& entry, int stages, int microbatches,
                                 int chunks = 1);

// Blocks of the model are dealt out in turn, again and again from the first stage.
constexpr int global_chunk(int stage, int chunk, int stages) { return chunk * stages + stage; }

}  // namespace pipeline
