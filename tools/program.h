#pragma once

#include <CLI/CLI.hpp>
#include <iostream>

#include "nn/error.h"

// What every program does around its work.
namespace program {

struct Interrupted {};   // the user told it to stop; what that means goes to stderr
struct AskedForHelp {};  // and has read it

// Parses, or throws nn::InputError; after --help throws AskedForHelp.
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

// Runs the body and turns what it throws into one line on stderr, with a hint, and an exit code: 2
// for what the user can put right, 130 for an interruption, 1 for anything else.
template <class Body>
int run(Body body) {
  try {
    const int status = body();
    std::cout.flush();
    if (std::cout) return status;
    std::cerr << "error: cannot write to the standard output\n";
  } catch (const AskedForHelp&) {
    return 0;
  } catch (const Interrupted&) {
    return 130;
  } catch (const nn::InputError& error) {
    std::cerr << "error: " << error.what() << "\nhint: " << error.hint << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
  }
  return 1;
}

}  // namespace program
