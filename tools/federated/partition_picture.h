#pragma once

#include <string>

#include "data/examples.h"
#include "tools/federated/experiment.h"

namespace federated {

// How many samples of each label each client of the experiment has, as an SVG element. Of many
// clients only the first 200 are drawn.
std::string partition_svg(const data::Examples& train, const Experiment& experiment);

}  // namespace federated
