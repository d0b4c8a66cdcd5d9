#pragma once

#include "nn/safetensors.h"

namespace tools {

// Where a result comes from: what nn::describe_engine() says, and
//
//   command   the command line of this program, as a shell would take it
//   date      now, in UTC: 2026-11-24T23:15:02Z
nn::Metadata provenance();

}  // namespace tools
