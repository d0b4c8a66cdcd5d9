#pragma once

#include <functional>

namespace tools {

// Thrown to end a program after a signal.
struct Stopped {
  int signal;
};

// The frame of every program. Returns what body() returns, or the exit code for what it throws: 2
// for wrong input (one line and a hint), 128 + signal for Stopped, 1 for anything else, including
// output that could not be written.
int run_program(const std::function<int()>& body);

}  // namespace tools
