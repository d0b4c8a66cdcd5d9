#pragma once

#include "tools/federated/sweep_results.h"
#include "tools/report/document.h"

namespace federated {

// Adds how the clients of each configuration share the samples, and what its models take each class
// for after the last round of an attack.
void add_pictures(const Sweep& sweep, const Groups& groups, report::Document& document);

}  // namespace federated
