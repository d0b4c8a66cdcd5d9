#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tools/federated/runner.h"
#include "tools/report/document.h"

// Runs as files and tables. Columns, labels and number formats are the notebook's.
namespace federated {

// As Python prints it: the shortest digits that read back the same, at least one decimal.
std::string number(double value);
std::string list_of(std::span<const int> numbers, std::string_view separator);
std::string batch_text(int batch);                     // ∞ for a full batch
std::string percent(double accuracy);                  // two decimals; "" for NaN
std::string curve_name(const Experiment& experiment);  // "FedAvg", "FedSGDGradient non-IID"

// Round,Algorithm,N,C,B,E,η,Seed,[Wall time,]Message count,Test accuracy[,Split,Curve][,Options]
// [,Training][,Training loss][,Test loss]: one row per round. Options are there if an algorithm has
// some, such as "mu=0.01", and so is Training, which is extras_text(). The algorithm's name is the
// notebook's; with names, the i-th run's curve is names[i]. Wall time is the ideal parallel clock,
// left out by default so that equal seeds give equal files.
std::string to_csv(std::span<const Run> runs, std::span<const std::string> names = {},
                   bool has_wall_time = false);

// For bin/federated: Split,Dataset,Model,Attack,Malicious,Defence,Training,Excluded after Options,
// and a column for each measure of any round. Training is training_text().
std::string to_full_csv(std::span<const Run> runs);

// A run's rounds: messages, accuracy, losses, times, and as many measures as fit on a screen.
report::Table round_table(const Run& run);

// After the last round, by class: none without a round that measured them.
report::Table class_table(const Run& run);

// Accuracies by round, side by side, and the lines of the same.
report::Table accuracy_table(const std::string& caption, std::span<const Run> runs,
                             std::span<const std::string> names);
report::LinePlot accuracy_plot(const std::string& file_name, const std::string& title,
                               std::span<const Run> runs, std::span<const std::string> names);

}  // namespace federated
