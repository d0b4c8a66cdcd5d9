#pragma once

#include <memory>
#include <optional>
#include <string>

#include "data/text/text.h"
#include "data/text/tokens.h"
#include "nn/models/hugging_face.h"
#include "pipeline/stage.h"
#include "tools/training/rank.h"

namespace training {

// What a rank trains on and starts from.
struct Material {
  // Opens the text and completes options.config with its vocabulary and checksum. Throws
  // nn::InputError, before memory for a model is allocated.
  explicit Material(RankOptions& options);
  Material(const Material&) = delete;
  Material& operator=(const Material&) = delete;

  // Null for a rank that does not read the text.
  const data::Windows* windows_of(const RankOptions& options) const;

  // The rank's blocks, with new weights or those of --init.
  void make_stage(const RankOptions& options, std::unique_ptr<pipeline::Stage>& stage);

  const data::Text text;
  std::optional<nn::ModelCheckpoint> init;
  const data::SplitWindows windows;
  std::string description;  // of the text
};

}  // namespace training
