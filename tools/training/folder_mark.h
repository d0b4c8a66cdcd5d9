#pragma once

#include <string>

#include "tools/training/rank.h"

namespace training {

// A checkpoint has files of all ranks, so they must see the same folder. Rank 0 leaves its run's id
// there, before it tells the others that.
void mark_folder(const RankOptions& options, const std::string& run);

// On another rank. Throws nn::InputError if its folder is not marked by this run.
void require_marked_folder(const RankOptions& options, const std::string& run);

}  // namespace training
