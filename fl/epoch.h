#pragma once

#include <functional>
#include <span>

#include "fl/algorithm.h"

namespace fl {

// What PyTorch's DataLoader takes from the default generator at the start of every pass, shuffled
// or not: one 64-bit seed for its workers.
void start_pass(nn::Generator& generator);

// Called before each step, when the batch's gradient is in worker.gradients(); may change it.
using BeforeStep = std::function<void()>;

// One pass over the samples in the given order: a step of plain SGD per batch. Returns the number
// of steps.
int train_pass(ClientContext& client, std::span<const int> samples, const BeforeStep& = {});

// ClientUpdate of McMahan et al. 2017, algorithm 1: E epochs of batches of B, in stored order as
// the notebook has it. Returns the number of steps.
int train_epochs(ClientContext& client, const BeforeStep& = {});

}  // namespace fl
