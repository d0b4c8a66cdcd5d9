#include "tools/bench/suites.h"

#include <array>

namespace bench {

std::span<const Suite> suite_table() {
  static constexpr std::array table{
      Suite{"cnn", cnn_jobs},     Suite{"federated", federated_jobs}, Suite{"start", start_jobs},
      Suite{"llama", llama_jobs}, Suite{"pipeline", pipeline_jobs},
  };
  return table;
}

Peers::Peers(const Setting& setting, const std::string& script, const std::string& argument) {
  for (const PeerWay& way : setting.peer_ways)
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
