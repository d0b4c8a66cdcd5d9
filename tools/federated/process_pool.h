#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

namespace federated {

// A process of a pool: this program with other arguments.
struct Task {
  std::string name;
  std::vector<std::string> arguments;
  std::filesystem::path log;  // gets what it prints, after what is there
  // Is made once it has ended with 0; with diverged_status, it says so.
  std::filesystem::path success_file;
};

// Runs all, so many at once, with a line on standard error as each ends. Returns the names of those
// that failed. After a signal the processes are asked to end, and tools::Stopped is thrown once
// they have. They end with this process, however it does.
std::vector<std::string> run_all(const std::vector<Task>& tasks, int jobs,
                                 const std::atomic<bool>& stop);

}  // namespace federated
