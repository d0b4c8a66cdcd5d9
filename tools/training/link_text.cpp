#include "tools/training/link_text.h"

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"
#include "tools/report/axis.h"
#include "tools/training/units.h"

namespace training {

namespace {

constexpr Unit units_of_time[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
constexpr Unit units_of_speed[] = {
    {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"Mbit/s", 1e6 / 8}, {"Gbit/s", 1e9 / 8}};

}  // namespace

pipeline::Link parse_link(const std::string& option, std::string_view text) {
  const auto parts = nn::split(text, ',');
  if (parts.size() == 2) {
    const auto latency = parse_amount(parts[0], units_of_time),
               speed = parse_amount(parts[1], units_of_speed);
    if (latency && speed && latency->value() <= 1e6 && speed->value() >= 1)
      return {latency->value(), 1 / speed->value()};
  }
  throw nn::InputError(
      nn::concat(option, " \"", nn::printable(text, 80), "\" is not a latency and a speed"),
      "give both with their units (ns, us, ms, s; kB/s, MB/s, GB/s, Mbit/s, Gbit/s): " + option +
          " 10us,12.5GB/s");
}

std::string text_of_links(const pipeline::Cluster& cluster) {
  const auto cost_of = [](const pipeline::Link& link) {
    return nn::concat(report::fixed(1e6 * link.latency, 1), " us and ",
                      report::fixed(1e9 * link.seconds_per_byte, 3), " s per GB");
  };
  const std::string text = "a message takes " + cost_of(cluster.link);
  if (cluster.group_link == cluster.link) return text;
  return text + ", between pipelines " + cost_of(cluster.group_link);
}

}  // namespace training
