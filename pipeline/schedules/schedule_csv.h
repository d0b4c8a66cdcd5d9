#pragma once

#include <string>
#include <string_view>

#include "pipeline/schedules/schedule.h"

// Schedules as PyTorch's torch.distributed.pipelining writes and reads them: a row for each stage,
// which it calls a rank, and a cell for each action:
//
//   0F0,0F1,3F0,3I0,3W0,...     part 0 of the model, forward of microbatch 0, ...
//   1F0,2F0,1F1,2B0,...
//
// I is the backward, W are the weights, B is one right after the other. The rows say which stage
// holds each part of the model; PyTorch calls a part a stage.
namespace pipeline {

// Parses untrusted text. Empty cells and those about messages and shards (1RECV_F0, 0REDUCE_GRAD)
// are skipped: they follow from the others. Weights that come before those of an earlier microbatch
// of their part wait for them, so that every file trains with the same bits. Throws nn::InputError
// with `name` unless all stages have equally many parts, every part does everything once, and no
// stages deadlock.
Plan parse_schedule_csv(std::string_view text, const std::string& name);

// Without empty cells.
std::string to_csv(const Plan& plan);

}  // namespace pipeline
