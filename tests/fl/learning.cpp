#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/compression/compression.h"
#include "fl/defences/defences.h"
#include "fl/server.h"
#include "tests/complaint.h"
#include "tests/fl/updates.h"
#include "tests/toy_rounds.h"

// The rows of the tables go with each other: a model learns with any of them, or they are refused.

namespace {

// What lies between the clients' training and the server's aggregate.
struct Between {
  const fl::CompressionEntry* compression = nullptr;
  const fl::DefenceEntry* defence = nullptr;
  fl::LocalPrivacy privacy = {};

  bool has_noise() const { return privacy.clip > 0 || (defence && defence->has_noise); }
};

std::vector<Between> all_between() {
  std::vector<Between> all{{}, {.privacy = {1, 0.02}}};
  for (const fl::CompressionEntry& entry : fl::compression_table())
    all.push_back({.compression = &entry});
  for (const fl::DefenceEntry& entry : fl::defence_table()) all.push_back({.defence = &entry});
  return all;
}

fl::Config config_with(const fl::AlgorithmEntry& algorithm, const Between& between, int threads) {
  fl::Config config = toy::config(std::string(algorithm.name).c_str(), threads);
  if (algorithm.is_full_batch) config.training.learning_rate = 0.5;  // one step a round
  config.compression = between.compression;
  config.defence = between.defence;
  config.local_privacy = between.privacy;
  fl::OptionValues values = updates::small;
  values.insert({{"topk-share", 0.1}, {"clip-radius", 1}, {"dp-noise", 0.02}});
  for (const fl::OptionUser& user : fl::option_users(config))
    for (const fl::Option& option : user.options)
      if (const auto found = values.find(option.name); found != values.end())
        config.options.insert(*found);
  return config;
}

}  // namespace

TEST_CASE("every algorithm learns with every compression, defence and noise, or is refused") {
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table())
    for (const Between& between : all_between()) {
      if (!algorithm.is_federated) continue;
      CAPTURE(algorithm.name);
      CAPTURE((between.compression ? between.compression->name : "no compression"));
      CAPTURE((between.defence ? between.defence->name : "no defence"));
      CAPTURE(between.privacy.clip);
      const fl::Config config = config_with(algorithm, between, 2);
      if (between.has_noise() && algorithm.extra_numbers > 0) {
        CHECK(contains(complaint_of([&] { fl::check_choices(config); }), "does not hide all that"));
        continue;
      }
      fl::Server server(config, dataset);
      for (int round = 0; round < 20; ++round) server.play_round(false);
      CHECK(server.test() > 60);  // a guess is right in 25 %
    }
}

TEST_CASE("with any of them, any number of threads gives the same bits") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table())
    for (const Between& between : all_between()) {
      if (!algorithm.is_federated || (between.has_noise() && algorithm.extra_numbers > 0)) continue;
      CAPTURE(algorithm.name);
      CAPTURE((between.compression ? between.compression->name : "no compression"));
      CAPTURE((between.defence ? between.defence->name : "no defence"));
      CAPTURE(between.privacy.clip);
      CHECK(toy::weights_after(config_with(algorithm, between, 3), 2) ==
            toy::weights_after(config_with(algorithm, between, 1), 2));
    }
}
