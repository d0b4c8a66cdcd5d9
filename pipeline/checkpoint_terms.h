#pragma once

#include <functional>
#include <string>

#include "nn/files/safetensors.h"
#include "pipeline/training_config.h"

// What a checkpoint says of the training that made it, and whether another one may go on from it.
namespace pipeline {

// The options of the training and the engine, as models and checkpoints record them.
nn::Metadata origin_of(const TrainingConfig& config);

// Throws nn::Error if a term is missing that every checkpoint has.
void require_terms(const TrainingConfig& config, const nn::Metadata& state);

// Throws nn::InputError if a term differs that makes it another training; reports all others.
void compare_terms(const TrainingConfig& config, const nn::Metadata& state,
                   const std::function<void(const std::string&)>& report);

// The pipelines that have files of their own in a checkpoint with this state.
int pipelines_with_files(const nn::Metadata& state);

}  // namespace pipeline
