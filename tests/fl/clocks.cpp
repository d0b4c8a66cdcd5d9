#include "fl/clocks/clocks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fl/defences/defences.h"
#include "fl/server.h"
#include "tests/complaint.h"
#include "tests/fl/clocked.h"
#include "tests/toy_rounds.h"

using toy::clocked, toy::unit_speeds;

static fl::World unit_world(std::vector<double> samples) {
  return {clocked("fedavg", "synchronous", unit_speeds), {std::move(samples), 2, 3}};
}

TEST_CASE("a client's time is its bytes and samples, divided by its speeds") {
  const fl::World world = unit_world({10, 20, 0});
  CHECK(world.until_upload(0) == doctest::Approx(12));
  CHECK(world.until_upload(1) == doctest::Approx(22));
  CHECK(world.until_upload(2) == doctest::Approx(2));
  CHECK(world.upload(1) == doctest::Approx(3));
  CHECK(world.upload(1, 7) == doctest::Approx(7));
  CHECK(!world.has_samples(2));
}

TEST_CASE(
    "a client trains on its samples in every epoch, or in as many batches as it takes steps") {
  fl::LocalTraining training{0.1, 20, 3};
  CHECK(fl::samples_trained(training, 50) == 150);
  training.steps = 4;  // 20, 20, 10, and 20 of the next epoch
  CHECK(fl::samples_trained(training, 50) == 70);
  CHECK(fl::samples_trained(training, 0) == 0);
  training.batch = 0;
  CHECK(fl::samples_trained(training, 50) == 200);
}

TEST_CASE(
    "speeds are log-normal around their median, fixed by the seed, and links have their own") {
  fl::OptionValues options = unit_speeds;
  options["device-spread"] = 0.5, options["link-spread"] = 0.25;
  const fl::Config config = clocked("fedavg", "synchronous", options);
  const std::vector<double> samples(2000, 1);
  const fl::World devices(config, {samples, 0, 0}), again(config, {samples, 0, 0});
  const auto moments = [&](auto seconds) {
    double sum = 0, squares = 0;
    for (int client = 0; client < 2000; ++client) {
      const double log = std::log(seconds(client));
      sum += log / 2000, squares += log * log / 2000;
    }
    return std::pair(sum, std::sqrt(squares - sum * sum));
  };
  const auto [device, device_spread] = moments([&](int c) { return devices.until_upload(c); });
  const auto [link, link_spread] = moments([&](int c) { return devices.upload(c, 1); });
  CHECK(std::abs(device) < 0.05);
  CHECK(device_spread == doctest::Approx(0.5).epsilon(0.05));
  CHECK(std::abs(link) < 0.025);
  CHECK(link_spread == doctest::Approx(0.25).epsilon(0.05));
  CHECK(devices.until_upload(7) == again.until_upload(7));
  CHECK(devices.upload(7, 1) != doctest::Approx(devices.until_upload(7)));
}

TEST_CASE("a synchronous round lasts as long as its slowest client, and the others wait") {
  const auto schedule =
      fl::make_synchronous(clocked("fedavg", "synchronous", {}), unit_world({10, 20}), 2);
  for (const fl::Turn& turn : schedule->next()) CHECK(schedule->is_in_time(turn, 3));
  CHECK(*schedule->seconds() == doctest::Approx(2 + 20 + 3));
  CHECK(schedule->measures().at("Waiting") == doctest::Approx(100 * (1 - (15.0 + 25) / 50)));
}

TEST_CASE("a round ends by its deadline, and a late client does not wait") {
  const auto schedule = fl::make_synchronous(clocked("fedavg", "synchronous", {{"deadline", 16}}),
                                             unit_world({10, 20}), 2);
  for (const fl::Turn& turn : schedule->next())
    CHECK(schedule->is_in_time(turn, 3) == (turn.client == 0));
  CHECK(*schedule->seconds() == 16);
  CHECK(schedule->measures().at("Waiting") == doctest::Approx(100 * (1.0 / 16)));
}

TEST_CASE("a synchronous clock changes no bit, and counts the same bytes, for every algorithm") {
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    if (!algorithm.is_federated) continue;
    CAPTURE(algorithm.name);
    const std::string name(algorithm.name);
    const fl::Config config = clocked(name.c_str(), "synchronous", {});
    CHECK(toy::weights_after(config, 3) == toy::weights_after(toy::config(name.c_str(), 2), 3));
    // The cost of an algorithm is its clients' traffic.
    fl::Server server(config, dataset);
    const fl::Round round = server.play_round();
    const auto [numbers, trainings] = server.algorithm().cost(server.weights().size());
    CHECK(round.measures.at("Bytes up") == 6.0 * static_cast<double>(fl::bytes_of(numbers)));
    CHECK(round.measures.at("Simulated seconds") > 0);
    CHECK(round.measures.at("Waiting") > 0);
  }
}

TEST_CASE("Ditto's clients train twice, and take the time for it") {
  const data::ImageDataset dataset = toy::dataset();
  const auto seconds = [&](const char* algorithm) {
    fl::OptionValues options{{"uplink", 1e9}, {"downlink", 1e9}};
    fl::Server server(clocked(algorithm, "synchronous", options), dataset);
    return server.play_round().measures.at("Simulated seconds");
  };
  CHECK(seconds("ditto") == doctest::Approx(2 * seconds("fedavg")));
}

TEST_CASE("clients that drop out or are late are excluded with the reason, and no others") {
  const data::ImageDataset dataset = toy::dataset();
  const fl::Config config =
      clocked("fedavg", "synchronous", {{"drop-out", 0.3}, {"deadline", 0.15}});
  fl::Server server(config, dataset);
  const std::int64_t bytes = fl::bytes_of(server.weights().size());
  fl::World world(config, {std::vector<double>(12, 50), bytes, bytes});
  nn::numpy::Generator choices(config.seed);
  std::set<std::string> reasons;
  double seconds = 0;
  for (int round = 0; round < 6; ++round) {
    std::set<std::pair<int, std::string>> expected, found;
    double longest = 0;
    for (int client : choices.choice(12, 6)) {
      const double time = world.until_upload(client) + world.upload(client);
      const bool drops_out = world.drops_out();
      longest = std::max(longest, drops_out ? world.until_upload(client) : time);
      if (drops_out)
        expected.insert({client, "it dropped out"});
      else if (time > 0.15)
        expected.insert({client, "it missed the deadline"});
    }
    const fl::Round played = server.play_round();
    for (const fl::Exclusion& out : played.excluded) {
      found.insert({out.client, out.reason});
      reasons.insert(out.reason);
    }
    CHECK(found == expected);
    CHECK(played.chosen == 6);
    seconds += std::min(0.15, longest);
    CHECK(played.measures.at("Simulated seconds") == doctest::Approx(seconds));
  }
  CHECK(reasons.size() == 2);
}

TEST_CASE("if all clients drop out or are late, a round changes nothing and says so") {
  const data::ImageDataset dataset = toy::dataset();
  for (const auto& [clock, options] :
       {std::pair<const char*, fl::OptionValues>{"synchronous", {{"drop-out", 1}}},
        {"synchronous", {{"deadline", 1e-9}}},
        {"fedbuff", {{"drop-out", 1}}}}) {
    const fl::Config config = clocked("fedavg", clock, options);
    fl::Server server(config, dataset);
    for (int i = 0; i < 2; ++i) {
      const fl::Round round = server.play_round();
      CHECK(round.excluded.size() == static_cast<std::size_t>(round.chosen));
      CHECK(!round.measures.contains("Training loss"));
    }
    CHECK(std::ranges::equal(server.weights(), toy::weights_after(config, 0)));
  }
}

TEST_CASE("any number of threads gives the same bits under every clock") {
  for (const char* algorithm : {"fedavg", "scaffold", "ditto"})
    for (const fl::ClockEntry& clock : fl::clock_table()) {
      fl::OptionValues options{{"drop-out", 0.2}};
      if (clock.is_asynchronous) options["buffer-size"] = 4;
      const auto after = [&](int threads) {
        const std::string name(clock.name);
        return toy::weights_after(clocked(algorithm, name.c_str(), options, threads), 4);
      };
      const auto one = after(1);
      for (int threads : {2, 5}) CHECK(after(threads) == one);
    }
}

TEST_CASE("a round that failed under a clock is played again as if for the first time") {
  const data::ImageDataset dataset = toy::dataset();
  bool fails = false;
  const fl::AlgorithmEntry failing =
      toy::tampered("fedavg", [&](const fl::ClientContext&, fl::Update&) {
        if (fails) throw nn::Error("no power");
      });
  for (const char* clock : {"synchronous", "fedbuff"}) {
    fl::Config config = clocked("fedavg", clock, {{"drop-out", 0.2}});
    if (config.clock->is_asynchronous) config.options["buffer-size"] = 3;
    const auto whole = toy::weights_after(config, 4);
    config.algorithm = &failing;
    fl::Server server(config, dataset);
    for (int round = 0; round < 4; ++round) {
      fails = true;
      CHECK_THROWS_AS(server.play_round(), nn::Error);
      fails = false;
      server.play_round();
    }
    CHECK(std::ranges::equal(server.weights(), whole));
  }
}

TEST_CASE("settings that a clock does not support are refused in one line") {
  const auto refused = [](fl::Config config) {
    const data::ImageDataset dataset = toy::dataset();
    return complaint_of([&] { fl::Server(config, dataset); });
  };
  CHECK(refused(clocked("centralized", "synchronous", {})) ==
        "centralized has no clients to wait for");
  CHECK(refused(clocked("fedavg", "fedbuff", {{"buffer-size", 13}})) ==
        "12 clients cannot fill a buffer of 13 updates: each sends at most one a round");
  CHECK(refused(clocked("fedavg", "fedbuff", {{"deadline", 3}})) ==
        "fedavg with fedbuff does not use --deadline");
  CHECK(refused(clocked("fedavg", "synchronous", {{"buffer-size", 3}})) ==
        "fedavg with synchronous does not use --buffer-size");
  CHECK(contains(refused(clocked("fedavg", "fedbuff", {{"drop-out", 1.5}})), "--drop-out: 1.5"));
  fl::Config compressed = clocked("fedavg", "fedbuff", {});
  compressed.compression = fl::find_compression("topk");
  CHECK(contains(refused(compressed), "does not go with --compression topk"));
  for (const char* defence : {"dp", "secure-mean"}) {
    fl::Config guarded = clocked("fedavg", "fedbuff", {});
    guarded.defence = fl::find_defence(defence);
    CHECK(contains(refused(guarded), "needs clients that all start from the same weights"));
  }
  fl::Config krum = clocked("fedavg", "fedbuff", {{"buffer-size", 4}, {"byzantine", 1}});
  krum.defence = fl::find_defence("krum");
  CHECK(contains(refused(krum), "krum"));  // of a buffer's updates
  CHECK(refused(clocked("fedavg", "fedbuff", {{"buffer-size", 2.5}})) ==
        "--buffer-size: 2.5 is not a whole number");
}
