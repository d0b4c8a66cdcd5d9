#include "tools/bench/benchmark.h"

#include <algorithm>

#include "nn/base/error.h"

namespace bench {

namespace {

struct Contender {
  const Peer* peer;
  std::vector<double> costs;
  bool has_failed = false;
};

void keep_cheapest(std::vector<Contender>& contenders) {
  std::erase_if(contenders, [](const Contender& c) { return c.has_failed; });
  if (contenders.empty()) return;
  const auto first_cost = [](const Contender& c) { return c.costs.front(); };
  std::swap(contenders.front(), *std::ranges::min_element(contenders, {}, first_cost));
  contenders.erase(contenders.begin() + 1, contenders.end());
}

}  // namespace

std::optional<double> Result::ratio() const {
  return peer_cost ? std::optional(*peer_cost / cost) : std::nullopt;
}

std::optional<double> Result::limit_share() const {
  return limit ? std::optional(*limit / cost) : std::nullopt;
}

double median(std::vector<double> values) {
  nn::require(!values.empty(), "median: no values");
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Result measure(const Benchmark& benchmark, int turns,
               const std::function<void(const std::string&)>& complain) {
  std::vector<double> costs, limits;
  std::vector<Contender> contenders;
  for (const Peer& peer : benchmark.peers) contenders.push_back({&peer, {}});
  for (int turn = 0; turn < turns; ++turn) {
    const bool warms_up = turn == 0 && benchmark.is_warmed_up;
    if (warms_up) benchmark.ours();
    costs.push_back(benchmark.ours());
    if (benchmark.limit) limits.push_back(benchmark.limit());
    for (Contender& contender : contenders) try {
        if (warms_up) contender.peer->cost();
        contender.costs.push_back(contender.peer->cost());
      } catch (const nn::Error& error) {
        complain(error.what());
        contender.has_failed = true;
      }
    keep_cheapest(contenders);
  }

  const std::string absent = benchmark.peers.empty() ? "" : "absent";
  Result result{benchmark.name, benchmark.readings, median(costs), {}, {}, absent};
  if (!limits.empty()) result.limit = median(limits);
  if (!contenders.empty()) {
    result.peer_cost = median(contenders.front().costs);
    result.peer = contenders.front().peer->name;
  }
  return result;
}

}  // namespace bench
