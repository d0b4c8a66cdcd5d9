#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "pipeline/collectives.h"
#include "pipeline/training_config.h"

// How a training updates its weights.
namespace pipeline {

struct OptimizerEntry {
  std::string_view name;  // on the command line
  int arrays;             // of state, with a number for each weight
  double weight_decay;    // the default
  std::unique_ptr<nn::Optimizer> (*make)(double learning_rate);
};
std::span<const OptimizerEntry> optimizer_table();

// Throws nn::InputError if there is no optimizer of this name.
const OptimizerEntry& optimizer_named(std::string_view name);

// Throws nn::InputError for the first option of optimizer and learning rate that is invalid.
void require_valid_updates(const TrainingConfig& config);

nn::LearningRate learning_rate_of(const TrainingConfig& config);

// The weights of a block that decay, as parts of it: matrices and tables, not norms and biases.
std::vector<Segment> decaying_parts(const nn::LanguageModel& model, int block);

// Multiplies the values of these parts by 1 - learning_rate * decay, as AdamW does before each of
// its steps (Loshchilov and Hutter 2019, algorithm 2; torch.optim.AdamW). `values` are those of the
// block from number `first` on.
void decay(std::span<nn::real> values, std::size_t first, std::span<const Segment> parts,
           double learning_rate, double decay, nn::Team& team);

}  // namespace pipeline
