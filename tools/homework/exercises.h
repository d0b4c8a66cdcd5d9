#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "tools/federated/results.h"

// The exercises are written in terms of federated runs.
namespace homework {

using namespace federated;

// What all exercises share: the homework's defaults, and what the user changed about them.
struct Setting {
  Experiment base;
  std::optional<int> rounds;  // instead of the exercise's own

  Experiment experiment(const char* algorithm, int default_rounds) const;
};

struct Curve {
  std::string name;  // unique in its exercise
  Experiment experiment;
};

// An exercise of the homework: the curves it needs, and what it says about them once they are run.
// `runs` and `names` are in the order of the curves.
struct Exercise {
  std::string_view name;
  std::vector<Curve> (*curves)(const Setting&);
  report::Document (*write)(std::span<const Run> runs, std::span<const std::string> names);
  std::string_view program = "hw1";  // that has it as a command
};

// The exercises of one homework, which share a report and a notebook.
struct Homework {
  std::string_view title;     // of both
  std::string_view notebook;  // without its extension: "homework-1"
  std::span<const Exercise> exercises;
};
const Homework& homework_1();

// In the order of its curves.
std::vector<Experiment> experiments_of(const Exercise& exercise, const Setting& setting);

// a1.cpp: are FedSGD with gradients and FedSGD with weights the same?
std::vector<Curve> a1_curves(const Setting&);
report::Document a1_report(std::span<const Run>, std::span<const std::string>);
// a2.cpp: how much do the number of clients and the share that takes part matter?
std::vector<Curve> a2_curves(const Setting&);
report::Document a2_report(std::span<const Run>, std::span<const std::string>);
// a3.cpp: local epochs, non-IID data, learning rate.
std::vector<Curve> a3_curves(const Setting&);
report::Document a3_report(std::span<const Run>, std::span<const std::string>);

// The notebook cell that reads an exercise's results.csv and draws a column of some of its curves;
// `rounds`, if not 0, cuts them.
report::Code plotting_code(std::string_view exercise, std::span<const std::string> names,
                           int rounds = 0, std::string_view column = "Test accuracy");

// The run as it was after fewer rounds.
Run first_rounds(const Run& run, int rounds);

// The accuracy that a run lost, in points, summed over the rounds in which it fell.
double lost_points(const Run& run);

// "1.25 points higher", "0.50 points lower" or "no different"
std::string difference(double points);
// Whether a reader would see it in a curve; smaller differences may be chance.
constexpr bool is_clear(double points) { return points > 0.5 || points < -0.5; }

// "60.00 → 70.00 → 80.00"
std::string steps(std::span<const double> values);
// From each value to the next: "rises", "falls" or "neither only rises nor only falls"
std::string direction(std::span<const double> values);

}  // namespace homework
