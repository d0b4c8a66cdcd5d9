#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tools/federated/results.h"

namespace federated {

// Published results: a configuration, and the accuracy after each round.
struct Reference {
  Experiment experiment;
  std::vector<double> accuracies;  // NaN: that round was not tested
  std::string dataset = {};        // "" if the table does not say
};

// Reads a table of results with the notebook's columns, as to_csv writes it; the columns Split
// (iid, shards or dirichlet(0.3), say), Options (mu=0.01), Model, Attack, Malicious, Defence and
// Training (momentum=0.9, defence=median) are optional, others are ignored. What a table does not
// say is taken from `base`. Throws nn::InputError naming the line.
std::vector<Reference> read_results(const std::filesystem::path& file, const Experiment& base = {});
// The same from memory; complaints call it `name`.
std::vector<Reference> parse_results(const std::string& text, const std::string& name,
                                     const Experiment& base = {});

// "FedAvg N=100 C=0.1 E=1 seed=10"
std::string configuration_name(const Experiment& experiment);

// The largest difference in any round that the reference has tested, in points.
double largest_difference(const Reference& reference, const Run& run);

// Each configuration beside its reference, with a verdict on the tolerance in points.
report::Document comparison(std::span<const Reference> references, std::span<const Run> runs,
                            double tolerance);

}  // namespace federated
