#pragma once

#include <utility>

#include "fl/clocks/clocks.h"
#include "tests/toy.h"

// The toy problem in simulated time.
namespace toy {

inline fl::Config clocked(const char* algorithm, const char* clock, fl::OptionValues options,
                          int threads = 2) {
  fl::Config made = config(algorithm, threads);
  made.clock = fl::find_clock(clock);
  made.options = std::move(options);
  return made;
}

// A device takes a second for a sample, a link one for a byte.
inline const fl::OptionValues unit_speeds{{"device-speed", 1},
                                          {"device-spread", 0},
                                          {"uplink", 8e-6},
                                          {"downlink", 8e-6},
                                          {"link-spread", 0}};

}  // namespace toy
