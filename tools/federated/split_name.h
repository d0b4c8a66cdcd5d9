#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fl/splits/partition.h"

namespace federated {

// How the samples are dealt out: "iid", "shards", "shards (stable sort)", "dirichlet(0.3)",
// "labels(2)", "quantity(0.3)", "power-law", "feature-noise(0.1)" or "natural".
std::string split_name(const fl::Partition& partition);

// `base` with the split of this name; nothing if the name is unknown.
std::optional<fl::Partition> parse_split(std::string_view name, fl::Partition base);

}  // namespace federated
