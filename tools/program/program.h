#pragma once

#include <functional>

namespace tools {

// What every program does around its work: returns what body() returns, or the exit code for what
// it throws: 2 for wrong input (one line and a hint), 1 for everything else, also if not all of the
// output could be written.
int run_program(const std::function<int()>& body);

}  // namespace tools
