#pragma once

#include "tools/federated/sweep.h"

namespace federated {

constexpr const char* run_table = "results.csv";  // in each run's folder

// Writes OUT/results.csv, OUT/summary.csv and OUT/report.html from the runs that have results.
void write_sweep_report(const Sweep& sweep);

}  // namespace federated
