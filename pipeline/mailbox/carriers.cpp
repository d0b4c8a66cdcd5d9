#include "pipeline/mailbox/carriers.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace pipeline {

double carrying_seconds() {
  double sum = 0;
  std::error_code ignored;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    std::string name;
    std::getline(std::ifstream(thread.path() / "comm"), name);
    double nanoseconds = 0;
    if (name.starts_with("ZMQbg")) std::ifstream(thread.path() / "schedstat") >> nanoseconds;
    sum += 1e-9 * nanoseconds;
  }
  return sum;
}

}  // namespace pipeline
