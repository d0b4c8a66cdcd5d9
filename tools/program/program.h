#pragma once

#include <functional>

namespace tools {

// Thrown to end a program that a signal has asked to end.
struct Stopped {
  int signal;
};

// What every program does around its work: returns what body() returns, or the exit code for what
// it throws: 2 for wrong input (one line and a hint), 128 + signal for Stopped, 1 for everything
// else, also if not all of the output could be written.
int run_program(const std::function<int()>& body);

}  // namespace tools
