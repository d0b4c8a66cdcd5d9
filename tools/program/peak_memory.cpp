#include "tools/program/peak_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace tools {

// Linux tells VmHWM, which begins anew with the program. ru_maxrss is also that of the process that
// started it, if that was larger.
std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;)
    if (std::int64_t kilobytes; name == "VmHWM:" && status >> kilobytes) return 1024 * kilobytes;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

}  // namespace tools
