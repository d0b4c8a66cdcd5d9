#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/bench/suites.h"

namespace bench {

// What both of our contestants do, beside each other: NAME-bf16-float.
Benchmark beside_our_float(const std::string& name, Reading reading,
                           const std::shared_ptr<Contestant>& in_bf16,
                           const std::shared_ptr<Contestant>& in_float,
                           const std::function<double(Contestant&)>& cost);

// The two of a step in bfloat16, the job "step" of all contestants: NAME-bf16 beside PyTorch's
// autocast, NAME-bf16-float beside our own float. `model`: as in "GPT-2 step in bfloat16".
std::vector<Benchmark> bf16_benchmarks(const std::string& name, const std::string& model,
                                       const std::shared_ptr<Contestant>& in_bf16,
                                       const std::shared_ptr<Contestant>& in_float,
                                       const Peers& peers);

}  // namespace bench
