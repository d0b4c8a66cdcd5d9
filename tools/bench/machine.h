#pragma once

#include <string>

namespace bench {

// Where, when and with which versions: figures mean nothing without it.
struct Machine {
  std::string processor, blas, version, peer, date;
  int cores = 1;
};

// `peer` is the name that it printed; empty if there is none.
Machine describe_machine(const std::string& peer);

}  // namespace bench
