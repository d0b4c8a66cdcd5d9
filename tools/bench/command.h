#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bench {

// The path of one of our programs, which is beside the running one.
std::filesystem::path program(const std::string& name);

struct Ran {
  double seconds;
  std::string output;  // its standard output
};

// Runs a program to completion. Throws nn::Error if it fails.
Ran run(const std::vector<std::string>& command);

}  // namespace bench
