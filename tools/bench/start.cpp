#include <nlohmann/json.hpp>

#include "nn/base/json.h"
#include "nn/base/stopwatch.h"
#include "tools/bench/command.h"
#include "tools/bench/suites.h"
#include "tools/program/temporary_folder.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

// A whole `hw1 run` with one step of one client, minus the test that follows.
double hw1_seconds() {
  const tools::TemporaryFolder folder;
  const std::string json = folder.path / "run.json";
  const Ran ran = run({program("hw1"), "run", "--clients", "600", "--fraction", "0.001", "--batch",
                       "100", "--rounds", "1", "--json", json});
  const auto round = nn::read_json_object(json, "hw1 run --json wrote it").at("rounds").at(0);
  return ran.seconds - round.at("seconds").get<double>() + round.at("ideal_seconds").get<double>();
}

}  // namespace

std::vector<Benchmark> start_benchmarks(const SuiteOptions& options) {
  std::vector<Peer> peers;
  for (const PeerWay& way : options.peer_ways)
    peers.push_back({to_text(way), [way] {
                       Contestant fresh =
                           Contestant::peer("federated.py", way, project::data_raw() / "mnist");
                       return nn::seconds_of([&] { fresh.seconds("start"); });
                     }});
  return {{.name = "start",
           .readings = {{"hw1, start to first step", "s"}},
           .ours = hw1_seconds,
           .peers = peers}};
}

}  // namespace bench
