#pragma once

#include "data/text/text.h"
#include "nn/files/safetensors.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "tools/training/rank.h"

namespace training {

// Saves the model in rank 0's OUT/checkpoint, replacing any model there. Called by all ranks at the
// same time. Each rank of the first pipeline writes a shard, or sends it to rank 0 if it cannot see
// rank 0's folder (on another machine). `state` goes into the manifest, beside the model's origin.
// Throws nn::InputError if it cannot save; the old model is then kept.
void save_model(const RankOptions& options, pipeline::Stage& stage, const data::Text& text,
                pipeline::Mailbox& mailbox, const nn::Metadata& state);

}  // namespace training
