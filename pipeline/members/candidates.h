#pragma once

#include <algorithm>
#include <vector>

#include "pipeline/members/epoch.h"

// Pipelines that could be members of the next epoch.
namespace pipeline {

// One waiting process for each stage.
struct Candidate {
  int pipeline;
  std::vector<Presence> stages;

  bool has_state() const {
    return std::ranges::all_of(stages, [](const Presence& p) { return p.done.has_value(); });
  }
};

// Pipelines of which each stage has a process; of two for a stage, the one with a state.
std::vector<Candidate> whole_pipelines(const std::vector<Presence>& waiting, int stages);

// Removes pipelines until all that are left reach each other: first those that fail most.
void remove_unreachable(std::vector<Candidate>& candidates);

// Whether one of them has the state of each stage.
bool have_states(const std::vector<Candidate>& candidates);

// The planned pipelines, in their order; none if one is missing.
std::vector<Candidate> chosen(const std::vector<int>& planned,
                              const std::vector<Candidate>& candidates);

// Puts one of the candidates that has its state, if there is one, before those that lack it.
void add_giver(std::vector<Candidate>& takers, const std::vector<Candidate>& candidates);

}  // namespace pipeline
