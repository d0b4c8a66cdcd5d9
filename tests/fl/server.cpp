#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "fl/defences/aggregation.h"
#include "nn/optimizer.h"
#include "tests/toy_rounds.h"

namespace {

using toy::largest_difference, toy::weights_after;

// FedAvg with a number that is not finite from some clients. A client's last sample decides, so
// that the same clients break in every round.
fl::AlgorithmEntry broken_sometimes(int modulus) {
  return toy::tampered("fedavg", [modulus](const fl::ClientContext& client, fl::Update& update) {
    if (client.samples.back() % modulus == 0)
      update.values[7] = modulus == 2 ? std::numeric_limits<nn::real>::quiet_NaN()
                                      : std::numeric_limits<nn::real>::infinity();
  });
}

}  // namespace

TEST_CASE("any number of threads gives the same bits, for every algorithm") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    const std::string name(algorithm.name);
    const auto one = weights_after(toy::config(name.c_str(), 1), 3);
    for (int threads : {2, 3, 8})
      CHECK(weights_after(toy::config(name.c_str(), threads), 3) == one);
  }
}

TEST_CASE("workers without a client help, and change no bit") {
  for (int batch : {0, 110})  // of 200 samples: four parts, or three and two
    for (double chosen : {1, 2}) {
      fl::Config config = toy::config("fedavg");
      config.clients = 3;
      config.fraction = chosen / 3;
      config.training.batch = batch;
      const auto one = weights_after(config, 3);
      for (int threads : {2, 4, 7}) {
        config.threads = threads;
        CHECK(weights_after(config, 3) == one);
      }
    }
}

TEST_CASE("the same seed gives the same bits, another seed others") {
  fl::Config other = toy::config("fedavg");
  other.seed = 11;
  CHECK(weights_after(toy::config("fedavg"), 2) == weights_after(toy::config("fedavg"), 2));
  CHECK(weights_after(toy::config("fedavg"), 2) != weights_after(other, 2));
}

TEST_CASE("every algorithm learns") {
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    fl::Server server(toy::config(std::string(algorithm.name).c_str(), 2), dataset);
    const double before = server.test();
    fl::Round round;
    for (int i = 0; i < 30; ++i) round = server.play_round();
    CHECK(round.accuracy > before + 20);
    CHECK(round.accuracy > 70);
  }
}

TEST_CASE("FedSGD with weights equals FedSGD with gradients") {
  const auto gradient = weights_after(toy::config("fedsgd"), 5);
  const auto weight = weights_after(toy::config("fedsgd-weight"), 5);
  CHECK(largest_difference(gradient, weight) < (sizeof(nn::real) == 4 ? 1e-5 : 1e-13));
  CHECK(largest_difference(gradient, weight) > 0);  // computed in two ways, not one called twice
}

TEST_CASE("FedAvg with one epoch over one batch is FedSGD with weights, and more epochs are not") {
  fl::Config one = toy::config("fedavg");
  one.training.batch = 0;
  const auto weight = weights_after(toy::config("fedsgd-weight"), 2);
  CHECK(weights_after(one, 2) == weight);
  one.training.epochs = 2;
  CHECK(weights_after(one, 2) != weight);
}

TEST_CASE("a batch larger than a client's samples is all of them") {
  fl::Config large = toy::config("fedavg"), full = toy::config("fedavg");
  large.training.batch = 100000;
  full.training.batch = 0;
  CHECK(weights_after(large, 2) == weights_after(full, 2));
}

TEST_CASE("a round has the accuracy of each class that is tested") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(toy::config("fedavg"), dataset);
  const auto measures = server.play_round().measures;
  const fl::Evaluation evaluation = server.evaluate();
  for (int label = 0; label < 4; ++label)
    CHECK(measures.at("Class " + std::to_string(label)) == evaluation.accuracy_of(label));
  CHECK(!measures.contains("Class 4"));
  const auto of = [](std::vector<int> predicted, std::vector<int> labels, int classes) {
    return fl::class_measures(fl::evaluate({std::move(predicted), std::move(labels)}, classes));
  };
  CHECK(of({0, 1, 1, 2}, {0, 0, 1, 1}, 3) ==
        std::map<std::string, double>{{"Class 0", 50}, {"Class 1", 50}});
  CHECK(of({0, 1}, {0, 0}, 11) == std::map<std::string, double>{{"Class 00", 50}});
  CHECK(of({10, 2}, {10, 3}, 11) ==
        std::map<std::string, double>{{"Class 03", 0}, {"Class 10", 100}});
}

TEST_CASE("a test is of the server's model, whatever the workers have done before") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("ditto", 2);
  config.held_out = 0.2;
  fl::Server server(config, dataset);
  std::vector<int> all(dataset.test.size());
  std::iota(all.begin(), all.end(), 0);
  for (int round = 0; round < 3; ++round) {
    server.play_round();
    server.client_accuracies();  // with their own models
    fl::ClientWorker worker(config.make_model, config.dropout);
    worker.load({server.weights(), server.buffers(), {}});
    const fl::Evaluation expected = fl::evaluate(worker.predict(dataset.test, all), 4);
    for (int again = 0; again < 2; ++again) {
      CHECK(server.evaluate().confusion == expected.confusion);
      CHECK(server.evaluate().loss == doctest::Approx(expected.loss).epsilon(1e-6));
    }
  }
}

TEST_CASE("messages are two per chosen client and round, none for the baseline") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(toy::config("fedavg"), dataset);
  CHECK(server.play_round().messages == 12);
  CHECK(server.play_round().messages == 24);
  fl::Server central(toy::config("centralized"), dataset);
  CHECK(central.play_round().messages == 0);
}

TEST_CASE("the baseline has one party with all the data, whatever the number of clients") {
  fl::Config one = toy::config("centralized"), many = toy::config("centralized");
  one.clients = 1;
  one.fraction = 1;
  many.partition.split = fl::Split::shards;
  CHECK(weights_after(one, 2) == weights_after(many, 2));
}

TEST_CASE("an unusable update is excluded, and the others are reweighted") {
  const data::ImageDataset dataset = toy::dataset();
  const fl::AlgorithmEntry broken = broken_sometimes(2);
  fl::Config config = toy::config("fedavg", 3);
  config.algorithm = &broken;
  fl::Server server(config, dataset);
  int excluded = 0;
  for (int i = 0; i < 10; ++i) {
    const fl::Round round = server.play_round();
    excluded += static_cast<int>(round.excluded.size());
    CHECK(round.chosen == 6);
    for (const fl::Exclusion& client : round.excluded)
      CHECK(client.reason == "its update is not finite");
  }
  CHECK(excluded > 5);
  CHECK(excluded < 55);
  CHECK(nn::all_finite(server.weights()));
  CHECK(server.test() > 60);
}

TEST_CASE("a round without a usable update keeps the model and says so") {
  const data::ImageDataset dataset = toy::dataset();
  const fl::AlgorithmEntry broken = broken_sometimes(1);
  fl::Config config = toy::config("fedavg", 2);
  config.algorithm = &broken;
  fl::Server server(config, dataset);
  const std::vector<nn::real> before(server.weights().begin(), server.weights().end());
  const fl::Round round = server.play_round();
  CHECK(round.excluded.size() == 6);
  CHECK(std::ranges::equal(before, server.weights()));
}

TEST_CASE("training that diverges excludes every client instead of breaking the model") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("fedavg", 2);
  config.training.learning_rate = sizeof(nn::real) == 4 ? 1e30 : 1e300;
  fl::Server server(config, dataset);
  CHECK(server.play_round().excluded.size() == 6);
  CHECK(nn::all_finite(server.weights()));
}

TEST_CASE("a round in which a client's training throws leaves no trace, and can be played again") {
  const data::ImageDataset dataset = toy::dataset();
  for (const char* name : {"fedavg", "scaffold"}) {
    CAPTURE(name);
    fl::Config config = toy::config(name, 4);
    config.clients = 3;  // of 200 samples: in batches of four parts, for which idle workers help
    config.fraction = 1;
    config.training.batch = 0;
    const auto undisturbed = weights_after(config, 3);
    std::atomic<int> trained = 0;
    const fl::AlgorithmEntry faulty =
        toy::tampered(name, [&](const fl::ClientContext&, fl::Update&) {
          if (++trained == 5) throw std::runtime_error("out of memory");  // in the second round
        });
    config.algorithm = &faulty;
    fl::Server server(config, dataset);
    server.play_round();
    CHECK_THROWS_WITH(server.play_round(), "out of memory");
    CHECK(server.play_round().number == 2);
    server.play_round();
    CHECK(std::ranges::equal(server.weights(), undisturbed));
  }
}

TEST_CASE("a client without samples is excluded") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("fedavg", 2);
  config.partition = {.split = fl::Split::dirichlet, .alpha = 0.01};
  config.fraction = 1;
  fl::Server server(config, dataset);
  const fl::Round round = server.play_round();
  CHECK(!round.excluded.empty());
  CHECK(round.excluded.front().reason == "it has no samples");
}

TEST_CASE("the weighted mean is that of the notebook, and renormalised where one is missing") {
  const std::vector<nn::real> a{1, 2}, b{3, 6};
  fl::WeightedMean all;
  all.add({0, a, 1, 4});
  all.add({1, b, 3, 4});
  CHECK(all.result()[0] == doctest::Approx(2.5));
  CHECK(all.result()[1] == doctest::Approx(5));
  fl::WeightedMean one;
  one.add({1, b, 3, 4});
  CHECK(one.result()[0] == doctest::Approx(3));
  CHECK(one.result()[0] == doctest::Approx(3));  // asking twice changes nothing
  CHECK_THROWS_AS(one.add({0, std::vector<nn::real>{1}, 1, 4}), nn::Error);
}
