#pragma once

#include <string>

#include "nn/base/error.h"
#include "nn/real.h"

namespace pipeline {

// Ports of this machine for tests, which may run in float and in double at the same time.
constexpr int local_port(int number) {
  return (sizeof(nn::real) == sizeof(float) ? 28400 : 28500) + number;
}

inline std::string local_address(int number) {
  return nn::concat("tcp://127.0.0.1:", local_port(number));
}

}  // namespace pipeline
