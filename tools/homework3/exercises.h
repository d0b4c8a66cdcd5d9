#pragma once

#include <string_view>

#include "tools/homework/exercises.h"

// Lab 3 and homework 3 of the course: attacks on federated learning, and defences.
namespace homework {

const Homework& homework_3();

// lab.cpp: the lab's runs beside its published figures.
std::vector<Curve> lab_curves(const Setting&);
report::Document lab_report(std::span<const Run>, std::span<const std::string>);
// q1.cpp: gradient reversion on IID and non-IID data.
std::vector<Curve> q1_curves(const Setting&);
report::Document q1_report(std::span<const Run>, std::span<const std::string>);
// q2.cpp: Bulyan, and its hyperparameters.
std::vector<Curve> q2_curves(const Setting&);
report::Document q2_report(std::span<const Run>, std::span<const std::string>);
// q3.cpp: SparseFed beside plain clipping.
std::vector<Curve> q3_curves(const Setting&);
report::Document q3_report(std::span<const Run>, std::span<const std::string>);

// The lab's setting: N = 100, C = 0.2, B = 200, E = 2, η = 0.02, ten rounds. Under an attack a
// fifth of the clients is malicious, drawn from the seed.
Experiment lab_experiment(const Setting& setting, const char* attack, const char* defence,
                          const fl::OptionValues& options = {});

// The value after the last round, such as "Attack success"; NaN if it was not measured.
double last_measure(const Run& run, std::string_view name);

// Adds a heading, the notebook's code, a plot and a table of these runs.
void add_curves(std::string_view exercise, const char* file, const char* title,
                std::span<const Run> runs, std::span<const std::string> names,
                report::Document& document);

// Adds the run's confusion matrix with the notebook's code, if it was recorded.
void add_confusion(std::string_view exercise, const char* file, const Run& run,
                   const std::string& name, report::Document& document);

}  // namespace homework
