#pragma once

#include <string>

#include "nn/dropout_masks.h"
#include "tools/program/options.h"

namespace tools {

// Adds --dropout-rng, which chooses the stream by name.
void add_dropout_rng(Options& options, nn::DropoutStream& stream);
std::string name_of(nn::DropoutStream stream);

}  // namespace tools
