#include "tools/bench/machine.h"

#include <ctime>
#include <fstream>
#include <thread>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/real.h"
#include "tools/bench/command.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  return "an unknown processor";
}

// The commit, if this is a repository that git can read.
std::string version() try {
  const std::filesystem::path folder = project::folder();
  nn::require(std::filesystem::exists(folder / ".git"), "not a repository");
  const std::string commit = run({"git", "-C", folder, "describe", "--always", "--dirty"}).output;
  return commit.substr(0, commit.find('\n'));
} catch (const std::exception&) {
  return "of an unknown version";
}

std::string today() {
  char text[16];
  const std::time_t now = std::time(nullptr);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now))};
}

}  // namespace

Machine describe_machine(const std::string& peer) {
  const std::string blas = nn::blas::description();
  return {.processor = processor_name(),
          .blas = blas.substr(0, blas.find(' ', blas.find(' ') + 1)) + ", core " +
                  nn::blas::core_name(),
          .version = nn::concat("Tributary ", version(), sizeof(nn::real) == 8 ? " (double)" : ""),
          .peer = peer,
          .date = today(),
          .cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))};
}

}  // namespace bench
