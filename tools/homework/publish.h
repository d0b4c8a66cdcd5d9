#pragma once

#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>

#include "tools/homework/record.h"

namespace homework {

// The exercise's account of its runs.
report::Document write_up(const Outcome& outcome);

// Writes OUT/a3/results.csv, plot1.svg, ... and results.json, and OUT/report.html and
// OUT/homework-1.ipynb about this exercise and the homework's others whose results.json is in OUT.
// An edited notebook is kept under another name, reported in `log`. On failure the old files stay;
// results.json is never beside files of another command. One process at a time does this in OUT:
// throws nn::InputError if the turn does not come within ten seconds.
void publish(const Homework& homework, const std::filesystem::path& out, const Outcome& outcome,
             std::ostream& log);

// Writes a line to `log` for each exercise in OUT, except those named, that the report must omit,
// with the reason, or whose results may have been edited. Takes turns with publish().
void warn_about_results(const Homework& homework, const std::filesystem::path& out,
                        std::span<const std::string> but, std::ostream& log);

}  // namespace homework
