#include "tools/federated/partition_picture.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "tools/federated/split_name.h"
#include "tools/report/heat_map.h"

namespace federated {

std::string partition_svg(const data::Examples& train, const Experiment& experiment) {
  const Experiment e = settled(experiment);
  const std::span<const std::uint8_t> labels = train.groups();
  const int classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  report::HeatMap map{
      "Samples of each client by label: " + split_name(e.partition), "client", "label", {}};
  for (const auto& samples : fl::split_samples(train, e.clients, e.partition, e.seed)) {
    std::vector<double>& counts = map.values.emplace_back(classes);
    for (int sample : samples) ++counts[labels[sample]];
  }
  return report::to_svg(map);
}

}  // namespace federated
