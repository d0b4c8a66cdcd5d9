#pragma once

#include "nn/team.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/training_config.h"

// How close a step comes to what the machine can do: the model's operations in the time that it
// took, as a share of the speed of plain matrix products.
namespace training {

// Floating-point operations for a token, forwards and backwards: 6 N + 12 L H Q T (Chowdhery et al.
// 2022, PaLM, appendix B). N: weights of layers and head, nearly all of them in matrix products; an
// embedding is looked up. Attention counts in full, although half of it is masked. What --recompute
// runs again does not count.
double operations_per_token(const nn::LanguageModelConfig& model, int length);

// Operations per second in products of large matrices, on all threads of all ranks at the same
// time, measured for 40 ms. Called by all ranks; returns the sum on each.
double measure_peak(nn::Team& team, pipeline::Mailbox& mailbox);

// The seconds that a step would take at this speed.
double seconds_at_peak(const pipeline::TrainingConfig& config, double peak);

}  // namespace training
