#include "tools/training/link_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "nn/base/split.h"

namespace training {

namespace {

struct Unit {
  std::string_view name;
  double size;
};
constexpr Unit units_of_time[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
constexpr Unit units_of_speed[] = {
    {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"Mbit/s", 1e6 / 8}, {"Gbit/s", 1e9 / 8}};

// The number in front of one of these units, in seconds or bytes.
std::optional<double> parse(std::string text, std::span<const Unit> units) {
  std::erase(text, ' ');
  for (const auto& [name, size] : units) {
    if (!text.ends_with(name)) continue;
    const auto number =
        nn::parse_number<double>(std::string_view(text).substr(0, text.size() - name.size()));
    if (number && std::isfinite(*number) && *number >= 0) return *number * size;
  }
  return {};
}

}  // namespace

pipeline::Link parse_link(std::string_view text) {
  const auto parts = nn::split(text, ',');
  if (parts.size() == 2) {
    const auto latency = parse(parts[0], units_of_time), speed = parse(parts[1], units_of_speed);
    if (latency && speed && *latency <= 1e6 && *speed >= 1) return {*latency, 1 / *speed};
  }
  throw nn::InputError(nn::concat("--link \"", text, "\" is not a latency and a speed"),
                       "give both with their units: --link 10us,12.5GB/s");
}

}  // namespace training
