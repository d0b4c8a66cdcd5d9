#include "tools/bench/half_precision.h"

#include <utility>

namespace bench {

Benchmark beside_our_float(const std::string& name, Reading reading,
                           const std::shared_ptr<Contestant>& in_bf16,
                           const std::shared_ptr<Contestant>& in_float,
                           const std::function<double(Contestant&)>& cost) {
  reading.text += " in bfloat16, beside our float";
  return {.name = name + "-bf16-float",
          .readings = {std::move(reading)},
          .ours = [=] { return cost(*in_bf16); },
          .peers = {{"float", [=] { return cost(*in_float); }}}};
}

std::vector<Benchmark> bf16_benchmarks(const std::string& name, const std::string& model,
                                       const std::shared_ptr<Contestant>& in_bf16,
                                       const std::shared_ptr<Contestant>& in_float,
                                       const Peers& peers) {
  const auto step = [](Contestant& side) { return side.seconds("step"); };
  return {{.name = name + "-bf16",
           .readings = {{model + " step in bfloat16", "ms", 1e3}},
           .ours = [=] { return step(*in_bf16); },
           .peers = peers.at(step)},
          beside_our_float(name, {model + " step", "ms", 1e3}, in_bf16, in_float, step)};
}

}  // namespace bench
