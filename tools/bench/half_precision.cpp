#include "tools/bench/half_precision.h"

namespace bench {

std::vector<Benchmark> bf16_benchmarks(const std::string& name, const std::string& model,
                                       const std::shared_ptr<Contestant>& in_bf16,
                                       const std::shared_ptr<Contestant>& in_float,
                                       const Peers& peers) {
  const std::string step = model + " step in bfloat16";
  const auto ours = [in_bf16] { return in_bf16->seconds("step"); };
  return {{.name = name + "-bf16",
           .readings = {{step, "ms", 1e3}},
           .ours = ours,
           .peers = peers.at([](Contestant& peer) { return peer.seconds("step"); })},
          {.name = name + "-bf16-float",
           .readings = {{step + ", beside our float", "ms", 1e3}},
           .ours = ours,
           .peers = {{"float", [in_float] { return in_float->seconds("step"); }}}}};
}

}  // namespace bench
