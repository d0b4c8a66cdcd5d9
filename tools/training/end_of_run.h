#pragma once

#include "tools/training/rank.h"

namespace training {

// Whether the run that this rank is to take part in has ended: if the run is resumed, the model in
// its folder has all steps; if the rank is a restarted one, a model was saved there since its first
// start. Says so. Throws nn::InputError if the model is of a training with other options.
bool has_ended(const RankOptions& options);

}  // namespace training
