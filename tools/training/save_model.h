#pragma once

#include "data/text.h"
#include "nn/safetensors.h"
#include "pipeline/mailbox.h"
#include "pipeline/stage.h"
#include "tools/training/rank.h"

namespace training {

// Saves the model in OUT/checkpoint of rank 0, in place of any model that is there. All ranks call
// it at the same time. The first pipeline's write a shard each; a rank that does not see rank 0's
// folder, because it is on another machine, sends its shard there. `state` goes into the manifest
// beside what made the model. Throws nn::InputError; then what was there stays.
void save_model(const RankOptions& options, pipeline::Stage& stage, const data::Text& text,
                pipeline::Mailbox& mailbox, const nn::Metadata& state);

}  // namespace training
