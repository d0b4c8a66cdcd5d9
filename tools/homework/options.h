#pragma once

#include <memory>
#include <string>

#include "tools/federated/command_line.h"
#include "tools/homework/exercises.h"

namespace homework {

// What the command line of hw1 asks for.
struct Options {
  std::string command;  // a1, a2, a3, all, run or compare
  Setting setting;
  Resources resources;
  Outputs outputs;          // run
  std::string out;          // but of run
  std::string reference;    // compare
  double tolerance = 0.05;  // compare
};

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
