#pragma once

#include <string_view>

#include "pipeline/prediction/predict.h"

namespace training {

// Parses a latency and a speed with their units: "10us,12.5GB/s" or "0.1 ms, 100Mbit/s". Throws
// nn::InputError.
pipeline::Link parse_link(std::string_view text);

}  // namespace training
