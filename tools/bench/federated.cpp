#include "fl/server.h"
#include "tools/bench/cnn.h"
#include "tools/bench/suites.h"
#include "tools/federated/dataset.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

// The first round, test included, of FedSGD and of FedAvg with two local epochs, N=100, C=0.1,
// B=100: the mix of training and testing in `hw1 a3`.
void play(const data::ImageDataset& dataset, int threads) {
  for (const char* algorithm : {"fedsgd", "fedavg"}) {
    fl::Config config;
    config.algorithm = fl::find_algorithm(algorithm);
    config.make_model = make_cnn;
    if (config.algorithm->is_full_batch)
      config.training.batch = 0;
    else
      config.training.epochs = 2;
    config.threads = threads;
    fl::Server(config, dataset).play_round();
  }
}

}  // namespace

std::vector<Benchmark> federated_benchmarks(const SuiteOptions& options) {
  const int threads = options.threads;
  const auto ours = std::make_shared<Contestant>(Contestant::ours([threads]() -> Contestant::Jobs {
    const auto dataset = std::make_shared<data::ImageDataset>(federated::open_images("mnist", ""));
    return {{"a3", [=] { play(*dataset, threads); }}};
  }));
  const Peers peers(options, "federated.py", project::data_raw() / "mnist");
  return {{.name = "a3",
           .readings = {{"Rounds as in A3: 18,000 images", "s"}},
           .ours = [=] { return ours->seconds("a3"); },
           .peers = peers.at([](Contestant& peer) { return peer.seconds("a3"); }),
           .is_warmed_up = false}};
}

}  // namespace bench
