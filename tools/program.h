#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <iostream>
#include <new>

#include "nn/error.h"

// What every program does around its work, in one place.
namespace tools {

// What a seed may be.
inline const CLI::Range any_seed(std::uint64_t{0}, std::uint64_t{1} << 62);

struct AskedForHelp {};  // and has read it

// Parses, or throws nn::InputError; prints --help and then throws AskedForHelp.
inline void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    app.exit(help);
    throw AskedForHelp();
  } catch (const CLI::ParseError& error) {
    throw nn::InputError(error.what(), app.get_name() + " --help lists the options");
  }
}

// Returns what body() returns, or the exit code for what it throws: 2 for wrong input (one line and
// a hint), 1 for everything else, also if not all of the output could be written.
template <class Body>
int run_program(Body body) {
  try {
    const int status = body();
    std::cout.flush();
    if (std::cout) return status;
    std::cerr << "error: cannot write to the standard output\n";
  } catch (const AskedForHelp&) {
    return 0;
  } catch (const nn::InputError& error) {
    std::cerr << "error: " << error.what() << "\nhint: " << error.hint << '\n';
    return 2;
  } catch (const std::bad_alloc&) {
    std::cerr << "error: there is not enough memory for this\nhint: choose smaller sizes\n";
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
  }
  return 1;
}

}  // namespace tools
