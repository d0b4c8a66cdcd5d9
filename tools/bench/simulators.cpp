#include "fl/server.h"
#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/base/stopwatch.h"
#include "tools/bench/cnn.h"
#include "tools/bench/command.h"
#include "tools/bench/suites.h"
#include "tools/federated/dataset.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

// FLUTE's MNIST job (Dimitriadis et al. 2022): the whole program.
double flute_seconds(int threads) {
  std::vector<std::string> command = nn::split(
      nn::concat("run --model logistic --clients 1000 --fraction 0.01 --batch 10 --lr 0.03 "
                 "--rounds 100 --test-every 20 --threads ",
                 threads),
      ' ');
  command.insert(command.begin(), program("federated"));
  return run(command).seconds;
}

// The same job, as a whole program, by this script.
std::vector<Peer> flute_peers(const SuiteOptions& options, const std::string& script) {
  std::vector<Peer> peers;
  for (const PeerWay& way : options.peer_ways)
    peers.push_back({to_text(way), [way, script] {
                       Contestant fresh =
                           Contestant::peer(script, way, project::data_raw() / "mnist");
                       return nn::seconds_of([&] { fresh.seconds("flute"); });
                     }});
  return peers;
}

// Rounds of FedAvg with E=1 as in `hw1 a3`, tests included, without the first.
Contestant::Jobs a3_rounds(int threads) {
  const auto dataset = std::make_shared<data::ImageDataset>(federated::open_images("mnist", ""));
  fl::Config config;
  config.algorithm = fl::find_algorithm("fedavg");
  config.make_model = make_cnn;
  config.threads = threads;
  const auto server = std::make_shared<fl::Server>(config, *dataset);
  server->play_round();
  return {{"a3", [dataset, server] { server->play_round(); }}};
}

}  // namespace

std::vector<Benchmark> simulator_benchmarks(const SuiteOptions& all) {
  SuiteOptions options = all;  // clients side by side are only slower where threads spin
  std::erase_if(options.peer_ways, [](const PeerWay& way) { return way.spins; });
  const int threads = options.threads;
  const auto flute = [&](const std::string& name, const std::string& text,
                         const std::string& script) {
    return Benchmark{.name = name,
                     .readings = {{text, "s"}},
                     .ours = [threads] { return flute_seconds(threads); },
                     .peers = flute_peers(options, script),
                     .is_warmed_up = false};
  };
  const auto rounds =
      std::make_shared<Contestant>(Contestant::ours([threads] { return a3_rounds(threads); }));
  const Peers flower(options, "flower.py", project::data_raw() / "mnist");
  return {flute("flute-pfl", "FLUTE's job, beside pfl-research", "pfl_research.py"),
          flute("flute-flower", "FLUTE's job, beside Flower", "flower.py"),
          {.name = "a3-flower",
           .readings = {{"A round of A3, beside Flower", "s"}},
           .ours = [rounds] { return rounds->seconds("a3"); },
           .peers = flower.at([](Contestant& peer) { return peer.seconds("a3"); }),
           .is_warmed_up = false}};
}

}  // namespace bench
