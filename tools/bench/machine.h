#pragma once

#include <string>

namespace bench {

// What was measured, on what and when: figures mean nothing without it.
struct Machine {
  std::string processor, blas, version, peer, date;
  int cores = 1;
};

// `peer` as it calls itself; empty if there is none.
Machine describe_machine(const std::string& peer);

}  // namespace bench
