#include "tools/program/peak_memory.h"

#include <sys/resource.h>

namespace tools {

std::int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

}  // namespace tools
