#pragma once

#include <string>
#include <string_view>

#include "pipeline/prediction/predict.h"

namespace training {

// Parses a latency and a speed with their units: "10us,12.5GB/s" or "0.1 ms, 100Mbit/s". Throws
// nn::InputError, which names the option.
pipeline::Link parse_link(const std::string& option, std::string_view text);

// "a message takes 10.0 us and 0.080 s per GB", and what it takes between pipelines if that
// differs.
std::string text_of_links(const pipeline::Cluster& cluster);

}  // namespace training
