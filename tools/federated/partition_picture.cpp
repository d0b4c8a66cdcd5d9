#include "tools/federated/partition_picture.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/base/error.h"
#include "tools/federated/split_name.h"
#include "tools/report/heat_map.h"

namespace federated {

constexpr std::size_t most_clients = 200;

std::string partition_svg(const data::Examples& train, const Experiment& experiment) {
  const Experiment e = settled(experiment);
  const std::span<const std::uint8_t> labels = train.groups();
  const int classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  auto clients = fl::split_samples(train, e.clients, e.partition, e.seed);
  std::string title = "Samples of each client by label: " + split_name(e.partition);
  if (clients.size() > most_clients) {
    clients.resize(most_clients);
    title += nn::concat(" (the first ", most_clients, " of ", e.clients, " clients)");
  }
  report::HeatMap map{title, "client", "label", {}};
  for (const auto& samples : clients) {
    std::vector<double>& counts = map.values.emplace_back(classes);
    for (int sample : samples) ++counts[labels[sample]];
  }
  return report::to_svg(map);
}

}  // namespace federated
