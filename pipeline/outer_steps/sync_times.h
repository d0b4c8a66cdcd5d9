#pragma once

#include <string>

#include "pipeline/training_config.h"

// When pipelines that train alone synchronise which blocks of the model. All together, after every
// `sync.every` steps; or in fragments that take turns, as in Streaming DiLoCo (Douillard et al.
// 2025, "Streaming partial updates"). Fragments are strided: block b belongs to fragment b mod F,
// and a head that shares its weights with the embedding goes with it. With H = 12, F = 3 and a
// delay of 2:
//
//   after step     4  5  6  7  8  9 10 11 12 13 14 15 16 17 18
//   fragment 0     start end                         start end
//   fragment 1                 start end
//   fragment 2                             start end
//
// In any case all blocks are synchronised after the last step, at once.
namespace pipeline {

// Throws nn::InputError for the first option of synchronisations that is invalid, or that does not
// go with them.
void require_valid_synchronisation(const TrainingConfig& config);

// Whether an exchange of this block starts after `done` steps, and whether one ends then.
bool exchange_starts_after(const TrainingConfig& config, int done, int block);
bool exchange_ends_after(const TrainingConfig& config, int done, int block);

// The steps from the start of an exchange to its end: 0 if training waits.
int exchange_delay(const TrainingConfig& config, int done);

// "every 100, ... int8", or "none", for ranks and checkpoints to compare.
std::string to_text(const Synchronisation& sync, int pipelines);

}  // namespace pipeline
