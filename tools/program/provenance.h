#pragma once

#include "nn/files/safetensors.h"

namespace tools {

// Where a result comes from: nn::describe_engine(), and
//
//   command   the command line of this program, quoted for a shell
//   date      now, in UTC: 2026-11-24T23:15:02Z
nn::Metadata provenance();

}  // namespace tools
