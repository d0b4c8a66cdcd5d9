#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bench {

// One of our own programs: it lies beside the running one.
std::filesystem::path program(const std::string& name);

struct Ran {
  double seconds;
  std::string output;  // what it wrote to the standard output
};

// Runs a program to its end. Throws nn::Error if it fails.
Ran run(const std::vector<std::string>& command);

}  // namespace bench
