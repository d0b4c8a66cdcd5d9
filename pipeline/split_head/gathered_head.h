#pragma once

#include <span>
#include <string>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Files have the weight of a head as a whole, and the optimizer's state for it, even if it is
// divided. All ranks of the first pipeline call this with arrays over their rows. Returns the
// arrays over all rows on the recorder, and none elsewhere. Messages have this tag with the part,
// and the following parts.
std::vector<std::vector<nn::real>> gather_head(const TrainingConfig& config, Mailbox& mailbox,
                                               Tag tag,
                                               std::span<const std::span<const nn::real>> arrays,
                                               const std::string& what);

// For checkpoints, after a step, and for the final model.
Tag tag_of_gathered_state(const TrainingConfig& config, int step);
constexpr Tag tag_of_gathered_weight{Tag::save, 0, 0, 2};

}  // namespace pipeline
