#include "tools/bench/suites.h"

#include <array>

#include "nn/error.h"

namespace bench {

std::span<const Suite> suite_table() {
  static constexpr std::array table{
      Suite{"cnn", cnn_jobs},     Suite{"federated", federated_jobs}, Suite{"start", start_jobs},
      Suite{"llama", llama_jobs}, Suite{"pipeline", pipeline_jobs},
  };
  return table;
}

Peers::Peers(const Setting& setting, const std::string& script, const std::string& argument) {
  for (int threads : setting.peer_threads)
    contestants_.emplace_back(
        threads, std::make_shared<Contestant>(Contestant::peer(script, threads, argument)));
}

std::vector<Peer> Peers::at(const std::function<double(Contestant&)>& cost) const {
  std::vector<Peer> peers;
  for (const auto& [threads, contestant] : contestants_)
    peers.push_back({nn::concat(threads, threads == 1 ? " thread" : " threads"),
                     [contestant, cost] { return cost(*contestant); }});
  return peers;
}

}  // namespace bench
