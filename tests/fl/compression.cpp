#include "fl/compression/compression.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "nn/optimizer.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference, toy::weights_after;
constexpr int weight_count = 64 * 16 + 16 + 16 * 4 + 4;  // of the toy network

fl::Config compressed(const char* algorithm, const char* compression, fl::OptionValues options = {},
                      int threads = 2) {
  fl::Config config = toy::config(algorithm, threads);
  config.compression = fl::find_compression(compression);
  config.options = std::move(options);
  return config;
}

struct Sent {
  std::vector<real> values, residual;
  std::int64_t bytes;
};

Sent send(const char* compression, fl::OptionValues options, std::vector<real> change,
          std::vector<real> residual = {}, std::uint64_t seed = 1) {
  const fl::Config config = compressed("fedavg", compression, std::move(options));
  nn::Generator generator(seed);
  const auto made = config.compression->make(config);
  const std::int64_t bytes = made->compress(change, residual, generator);
  return {std::move(change), std::move(residual), bytes};
}

std::vector<real> gaussian(int size, std::uint64_t seed) {
  std::vector<real> values(size);
  nn::Generator(seed).normal(values, 0, 1);
  return values;
}

}  // namespace

TEST_CASE("top-k sends the largest numbers, of equal ones the first, and keeps the rest") {
  const Sent sent = send("topk", {{"topk-share", 0.5}}, {1, -4, 3, -1, 0, 1}, {0, 0, -4, 0, 0, 0});
  CHECK(sent.values == std::vector<real>{1, -4, -1, 0, 0, 0});
  CHECK(sent.residual == std::vector<real>{0, 0, 0, -1, 0, 1});
  CHECK(sent.bytes == 3 * 8);
}

TEST_CASE("sign sends the mean magnitude with every sign, and keeps the difference") {
  const Sent sent = send("sign", {}, {1, -4, 3, 0, -2, 2, 0, 0, 6});
  CHECK(sent.values == std::vector<real>{2, -2, 2, 2, -2, 2, 2, 2, 2});
  CHECK(sent.residual == std::vector<real>{-1, -2, 1, -2, 0, 0, -2, -2, 4});
  CHECK(sent.bytes == 2 + 4);
}

TEST_CASE("QSGD sends multiples of the norm's share, and the change on average") {
  const std::vector<real> change{3, 0, -4};
  std::vector<double> mean(3);
  constexpr int times = 4000;
  for (int i = 0; i < times; ++i) {
    const Sent sent = send("qsgd", {{"qsgd-levels", 2}}, change, {}, i);
    CHECK(sent.residual.empty());
    for (int j = 0; j < 3; ++j) {
      mean[j] += sent.values[j] / times;
      CHECK(std::abs(std::remainder(sent.values[j], 2.5)) < 1e-6);
    }
  }
  CHECK(largest_difference(mean, change) < 0.1);  // five standard deviations
}

TEST_CASE("QSGD's bytes are those of Elias's codes") {
  // A norm of 32 bits, the distance 1 (1 bit), the level 16 (2, 3, 5 bits and the end), a sign.
  CHECK(send("qsgd", {}, {8}).bytes == (32 + 1 + (2 + 3 + 5 + 1) + 1 + 7) / 8);
  CHECK(send("qsgd", {}, std::vector<real>(600)).bytes == 8);
  std::vector<real> last(512);
  last[511] = -1;  // distance 512: 2, 4 and 10 bits and the end
  CHECK(send("qsgd", {{"qsgd-levels", 1}}, last).bytes == (32 + (2 + 4 + 10 + 1) + 1 + 1 + 7) / 8);
}

TEST_CASE("with error feedback, what was sent and the residual add up to all changes") {
  for (const char* name : {"topk", "sign"}) {
    CAPTURE(name);
    std::vector<real> residual;
    std::vector<double> changes(100), arrived(100);
    for (int round = 0; round < 20; ++round) {
      const std::vector<real> change = gaussian(100, round);
      const Sent sent = send(name, {}, change, residual);
      for (int i = 0; i < 100; ++i) changes[i] += change[i], arrived[i] += sent.values[i];
      residual = sent.residual;
    }
    for (int i = 0; i < 100; ++i) arrived[i] += residual[i];
    CHECK(largest_difference(changes, arrived) < (is_float ? 1e-4 : 1e-12));
  }
  CHECK_THROWS_WITH_AS(send("sign", {}, {1, 2}, {1}), doctest::Contains("a residual of 1 numbers"),
                       nn::Error);
}

TEST_CASE("keeping all numbers, or very many levels, changes nothing") {
  const auto plain = weights_after(toy::config("fedavg"), 4);
  CHECK(largest_difference(weights_after(compressed("fedavg", "topk", {{"topk-share", 1}}), 4),
                           plain) < (is_float ? 1e-5 : 1e-12));
  CHECK(largest_difference(weights_after(compressed("fedavg", "qsgd", {{"qsgd-levels", 65536}}), 4),
                           plain) < 1e-3);
  CHECK(largest_difference(weights_after(compressed("fedavg", "qsgd"), 4), plain) > 1e-3);
}

TEST_CASE("bytes are counted, with any compression and without") {
  const data::ImageDataset dataset = toy::dataset();
  const auto bytes_after = [&](const fl::Config& config, int rounds) {
    fl::Server server(config, dataset);
    fl::Round round;
    for (int i = 0; i < rounds; ++i) round = server.play_round();
    return std::pair(round.measures.at("Bytes up"), round.measures.at("Bytes down"));
  };
  const double full = 4.0 * weight_count;
  CHECK(bytes_after(toy::config("fedavg"), 3) == std::pair(3 * 6 * full, 3 * 6 * full));
  CHECK(bytes_after(toy::config("scaffold"), 3) == std::pair(3 * 12 * full, 3 * 12 * full));
  CHECK(bytes_after(toy::config("centralized"), 3) == std::pair(0.0, 0.0));
  constexpr int signs_and_scale = weight_count / 8 + 1 + 4;
  CHECK(bytes_after(compressed("fedavg", "sign"), 2) ==
        std::pair(2.0 * 6 * signs_and_scale, 2 * 6 * full));
  CHECK(bytes_after(compressed("fedavg", "topk"), 2) == std::pair(2.0 * 6 * 11 * 8, 2 * 6 * full));
  CHECK(bytes_after(compressed("scaffold", "topk"), 2) ==
        std::pair(2.0 * 6 * 22 * 8, 2 * 12 * full));
  fl::Config some_empty = toy::config("fedavg");
  some_empty.fraction = 1;
  some_empty.partition = {.split = fl::Split::dirichlet, .alpha = 0.03};
  const fl::Server server(some_empty, dataset);
  const auto empty =
      std::ranges::count_if(server.samples(), [](const auto& own) { return own.empty(); });
  REQUIRE(empty > 0);
  CHECK(bytes_after(some_empty, 1) == std::pair(static_cast<double>(12 - empty) * full, 12 * full));
}

TEST_CASE("a change that is not finite excludes its client, with any compression") {
  const data::ImageDataset dataset = toy::dataset();
  const fl::AlgorithmEntry faulty =
      toy::tampered("fedavg", [](const fl::ClientContext& client, fl::Update& update) {
        if (client.client % 2 == 0) update.values[5] = std::nan("");
      });
  for (const fl::CompressionEntry& entry : fl::compression_table()) {
    fl::Config config = compressed("fedavg", std::string(entry.name).c_str());
    config.algorithm = &faulty;
    config.fraction = 1;
    fl::Server server(config, dataset);
    CHECK(server.play_round().excluded.size() == 6);
    CHECK(nn::all_finite(server.weights()));
  }
}
