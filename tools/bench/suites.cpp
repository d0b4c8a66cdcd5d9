#include "tools/bench/suites.h"

#include <array>

namespace bench {

std::span<const Suite> suite_table() {
  static constexpr std::array table{
      Suite{"cnn", cnn_benchmarks},
      Suite{"models", model_benchmarks},
      Suite{"federated", federated_benchmarks},
      Suite{"simulators", simulator_benchmarks},
      Suite{"start", start_benchmarks},
      Suite{"llama", llama_benchmarks},
      Suite{"gpt2", gpt2_benchmarks},
      Suite{"pipeline", pipeline_benchmarks},
  };
  return table;
}

Peers::Peers(const SuiteOptions& options, const std::string& script, const std::string& argument) {
  for (const PeerWay& way : options.peer_ways)
    contestants_.emplace_back(
        way, std::make_shared<Contestant>(Contestant::peer(script, way, argument)));
}

std::vector<Peer> Peers::at(const std::function<double(Contestant&)>& cost) const {
  std::vector<Peer> peers;
  for (const auto& [way, contestant] : contestants_)
    peers.push_back({to_text(way), [contestant, cost] { return cost(*contestant); }});
  return peers;
}

}  // namespace bench
