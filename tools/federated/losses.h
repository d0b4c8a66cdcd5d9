#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/federated/runner.h"
#include "tools/report/document.h"

// The losses of runs, by round: the clients' own while they train, and that on the test examples.
namespace federated {

// Names of measures and columns; see fl::Round::measures.
constexpr std::string_view training_loss = "Training loss", test_loss = "Test loss";

// Those of the two that any round of the runs has.
std::vector<std::string> losses_of(std::span<const Run> runs);

// NaN if the round lacks it.
double measure_of(const fl::Round& round, std::string_view name);

// Four decimals; "" for NaN.
std::string loss_text(double loss);

// One loss of all runs.
report::LinePlot loss_plot(const std::string& file_name, const std::string& loss,
                           std::span<const Run> runs, std::span<const std::string> names);
// Both losses of one run.
report::LinePlot loss_plot(const std::string& file_name, const Run& run);

// After the last round, by run.
report::Table loss_table(std::span<const Run> runs, std::span<const std::string> names);

}  // namespace federated
