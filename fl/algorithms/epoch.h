#pragma once

#include <functional>
#include <span>

#include "fl/algorithms/algorithm.h"

namespace fl {

// What PyTorch's DataLoader takes from the default generator at the start of every pass, shuffled
// or not: one 64-bit seed for its workers.
void start_pass(nn::Generator& generator);

// Called before each step, when the batch's gradient is in worker.gradients(); may change it.
using BeforeStep = std::function<void()>;

// ClientUpdate of McMahan et al. 2017, algorithm 1: E epochs of batches of B, or as many steps as
// the training says, each a step of torch.optim's SGD. Epochs are in stored order, as in the
// notebook, or shuffled as DataLoader(shuffle=True) does: a seed drawn from the default generator
// starts another one, which draws the order. Returns the number of steps.
int train_epochs(ClientContext& client, const BeforeStep& = {});

// How often the change of the weights after so many steps counts a gradient: ||a||_1 of Wang et al.
// 2020, section 4. For plain SGD these are its steps; with momentum every gradient has a part in
// all later steps, too.
double times_counted(int steps, double momentum);

}  // namespace fl
