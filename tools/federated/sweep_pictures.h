#pragma once

#include "tools/federated/sweep_results.h"
#include "tools/report/document.h"

namespace federated {

// Adds how each configuration divides the samples among its clients and, under an attack, its
// confusion matrix after the last round.
void add_pictures(const Sweep& sweep, const Groups& groups, report::Document& document);

}  // namespace federated
