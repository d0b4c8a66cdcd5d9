#pragma once

#include "tools/federated/sweep.h"

namespace federated {

// Writes OUT/results.csv, OUT/summary.csv and OUT/report.html from the runs that have results.
void write_sweep_report(const Sweep& sweep);

}  // namespace federated
