#pragma once

#include <exception>
#include <iostream>

#include "nn/error.h"

// What every program does with the exceptions that reach it, in one place.
namespace tools {

// Returns what body() returns, or the exit code for what it throws: 2 for wrong input (one line and
// a hint), 1 for everything else, also if not all of the output could be written.
template <class Body>
int run_program(Body body) {
  try {
    const int status = body();
    std::cout.flush();
    if (std::cout) return status;
    std::cerr << "error: cannot write to the standard output\n";
    return 1;
  } catch (const nn::InputError& error) {
    std::cerr << "error: " << error.what() << "\nhint: " << error.hint << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace tools
