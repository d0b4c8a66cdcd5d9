#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fl/vertical/adamw.h"
#include "fl/vertical/config.h"
#include "nn/dropout_masks.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"

namespace fl::vertical {

// The model of one party, and what trains it. Parties 0, 1, ... are the clients with their bottom
// models, the last one is the server with the top model.
//
// Weights and dropout masks are drawn as if one process had all models, in this order: each party
// follows the whole random stream and uses its own part of it.
class Party {
 public:
  Party(const Config& config, int party);

  nn::Tape& tape() { return tape_; }
  // Empties the tape. New gradients are added to those of earlier passes only where that is asked
  // for.
  void begin(const Pass& pass);
  // x, on the tape, through the model. Once a pass.
  nn::Var forward(nn::Var x);
  void step();  // unless the model is not to learn

 private:
  void skip_masks(int first, int last);

  Config config_;
  int party_;
  Pass pass_{};
  nn::Generator generator_;
  std::unique_ptr<nn::Model> model_;
  nn::DropoutMasks masks_;
  std::vector<std::uint64_t> skipped_;
  AdamW optimizer_;
  nn::Tape tape_;
};

}  // namespace fl::vertical
