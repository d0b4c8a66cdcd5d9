#include "tools/homework/options.h"

#include "tools/program/options.h"

namespace homework {

void add_exercise(tools::Options command, Options& options) {
  command.add("--rounds", options.setting.rounds, "rounds, instead of the exercise's own")
      .between(1, 1'000'000'000);
  add_common(command, options.setting.base, options.resources);
  command.add("--out", options.out, "folder for the results");
}

// The parser and what it sets, with the initial values.
struct CommandLine::Parts {
  static Options presets() {
    Options options;
    options.out = "out";
    return options;
  }

  Options options = presets();
  RunArguments arguments;
  tools::Options parser{"hw1", "Federated learning on MNIST: the exercises of homework 1, part A."};
};

CommandLine::CommandLine() : parts_(std::make_unique<Parts>()) {
  auto& [options, arguments, parser] = *parts_;
  Experiment& base = options.setting.base;
  for (const auto& [name, text] :
       {std::pair{"a1", "FedSGD with gradients and with weights"},
        {"a2", "number of clients and client fraction"},
        {"a3", "local epochs, non-IID data, learning rate: plots and answers"},
        {"all", "a1, a2 and a3"}})
    add_exercise(parser.add_command(name, text), options);
  tools::Options run = parser.add_command("run", "a run of any configuration");
  arguments.add_to(run, base);
  add_outputs(run, options.outputs);
  add_common(run, base, options.resources);
  tools::Options compare =
      parser.add_command("compare", "repeat the runs of a notebook's table and compare");
  add_compare(compare, options.comparison, options.resources);
}

CommandLine::~CommandLine() = default;

Options CommandLine::parse(int argc, char** argv) {
  auto& [options, arguments, parser] = *parts_;
  options = Parts::presets();
  arguments.reset();
  options.command = parser.parse(argc, argv);
  if (options.command == "run") arguments.apply(options.setting.base);
  check(options.outputs);
  return options;
}

}  // namespace homework
