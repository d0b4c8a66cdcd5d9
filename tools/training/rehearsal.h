#pragma once

#include <filesystem>

#include "tools/training/rank.h"

namespace training {

// Lets a run sleep for the costs in this file instead of computing; it then saves neither
// checkpoints nor a model, and always begins anew, also if it is to resume. Throws nn::InputError
// if the file has other stages, chunks or blocks than the run, or if the run does more than train.
void set_rehearsal(RankOptions& options, const std::filesystem::path& costs);

}  // namespace training
