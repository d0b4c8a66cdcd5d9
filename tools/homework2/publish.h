#pragma once

#include <filesystem>
#include <iosfwd>

#include "tools/homework2/record.h"

namespace homework2 {

// Writes OUT/ex1/results.csv, plot1.svg, ... and results.json, and OUT/report.html and
// OUT/homework-2.ipynb about this exercise and the others that are in OUT; with the lab,
// OUT/lab2b.csv. An edited notebook is kept under another name; `log` gets a line about it, and
// about each exercise that the report must omit. Throws nn::InputError.
void publish(const std::filesystem::path& out, const Outcome& outcome, std::ostream& log);

}  // namespace homework2
