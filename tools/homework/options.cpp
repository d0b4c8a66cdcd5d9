#include "tools/homework/options.h"

#include "tools/program/options.h"

namespace homework {

namespace {

void add_compare(tools::Options command, Options& options, std::string& out) {
  command.add("file", options.reference, "a table with the notebook's columns").required();
  command.add("--tolerance", options.tolerance, "in percentage points").between(0.0, 100.0);
  command.add("--rounds", options.setting.rounds, "at most").between(1, 1'000'000'000);
  add_split(command, options.setting.base.partition);
  add_common(command, options.setting.base, options.resources);
  command.add("--out", out, "folder for the results");
}

}  // namespace

void add_exercise(tools::Options command, Options& options) {
  command.add("--rounds", options.setting.rounds, "instead of the exercise's own")
      .between(1, 1'000'000'000);
  add_common(command, options.setting.base, options.resources);
  command.add("--out", options.out, "folder for the results");
}

// The parser and what it sets, which begins as it is here.
struct CommandLine::Parts {
  struct Values {
    Values() { options.out = "out"; }

    Options options;
    std::string compare_out = "out/compare";  // compare
  };

  Values values;
  RunArguments arguments;
  tools::Options parser{"hw1", "Federated learning on MNIST: the exercises of homework 1, part A."};
};

CommandLine::CommandLine() : parts_(std::make_unique<Parts>()) {
  auto& [values, arguments, parser] = *parts_;
  auto& [options, compare_out] = values;
  Experiment& base = options.setting.base;
  for (const auto& [name, text] :
       {std::pair{"a1", "FedSGD with gradients and with weights"},
        {"a2", "number of clients and client fraction"},
        {"a3", "local epochs, non-IID data, learning rate: plots and answers"},
        {"all", "a1, a2 and a3"}})
    add_exercise(parser.add_command(name, text), options);
  tools::Options run = parser.add_command("run", "any one configuration");
  arguments.add_to(run, base);
  add_outputs(run, options.outputs);
  add_common(run, base, options.resources);
  add_compare(parser.add_command("compare", "run what a table of the notebook's says and compare"),
              options, compare_out);
}

CommandLine::~CommandLine() = default;

Options CommandLine::parse(int argc, char** argv) {
  parts_->values = Parts::Values();
  auto& [options, compare_out] = parts_->values;
  parts_->arguments.reset();
  options.command = parts_->parser.parse(argc, argv);
  if (options.command == "compare") options.out = compare_out;
  if (options.command == "run") parts_->arguments.apply(options.setting.base);
  check(options.outputs);
  return options;
}

}  // namespace homework
