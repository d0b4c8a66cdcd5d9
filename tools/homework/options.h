#pragma once

#include <memory>
#include <string>

#include "tools/federated/command_line.h"
#include "tools/federated/outputs.h"
#include "tools/homework/exercises.h"

namespace homework {

// What the command line of a homework's program asks for.
struct Options {
  std::string command;  // an exercise, all, run or compare
  Setting setting;
  Resources resources;
  Outputs outputs;        // run
  Comparison comparison;  // compare
  std::string out;        // of the exercises
};

// The options of a command that runs exercises.
void add_exercise(tools::Options command, Options& options);

// The options of hw1 and of its commands, made once; any number of command lines can be parsed.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  // Throws nn::InputError, or tools::AskedForHelp.
  Options parse(int argc, char** argv);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace homework
