#pragma once

#include <filesystem>
#include <list>
#include <optional>
#include <string>

#include "tools/federated/dataset.h"
#include "tools/federated/experiment.h"
#include "tools/program/options.h"

namespace federated {

// What the data is and what computes.
struct Resources {
  Resources();  // MNIST, all cores

  DataChoice data;
  int threads;
};

// What compare asks for.
struct Comparison {
  std::filesystem::path reference;  // a table of results
  Experiment base;                  // what it does not say
  std::optional<int> rounds;        // at most
  double tolerance = 0.05;          // in percentage points
  std::filesystem::path out = "out/compare";
};

// --seed, --model, --threads, --dataset and the like: options of every command.
void add_common(tools::Options& command, Experiment& base, Resources& resources);
void add_split(tools::Options& command, fl::Partition& partition);
void add_compare(tools::Options& command, Comparison& comparison, Resources& resources);

// The options that say what one run does. It must outlive the command lines that are parsed.
class RunArguments {
 public:
  void add_to(tools::Options& command, Experiment& experiment);

  void reset();
  // Completes the experiment by what was parsed. Throws nn::InputError if it makes no sense.
  void apply(Experiment& experiment) const;

 private:
  struct Given {
    std::optional<std::string> batch;  // a number or inf
    std::optional<int> clients, epochs, steps;
    std::optional<std::string> malicious;  // a share, or numbers of clients
  };
  struct GivenOption {  // of algorithms, defences, attacks, compressions and clocks
    std::string name, text;
    bool is_whole;
    std::optional<double> value = {};
  };
  static std::list<GivenOption> options_of_all();

  Given given_;
  std::list<GivenOption> options_ = options_of_all();
};

}  // namespace federated
