#include "fl/secure_sum/secure_sum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fl/clocks/clocks.h"
#include "fl/defences/defences.h"
#include "fl/secure_sum/client.h"
#include "fl/secure_sum/fixed_point.h"
#include "fl/secure_sum/keys.h"
#include "fl/secure_sum/shamir.h"
#include "nn/optimizer.h"
#include "nn/random.h"
#include "tests/complaint.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference, toy::weights_after;

std::vector<std::vector<std::uint64_t>> random_inputs(int clients, int size) {
  nn::Generator generator(7);
  std::vector<std::vector<std::uint64_t>> inputs(clients, std::vector<std::uint64_t>(size));
  for (auto& input : inputs)
    for (std::uint64_t& value : input) value = generator.next64();
  return inputs;
}

fl::Config secure(fl::OptionValues options, const char* algorithm = "fedavg") {
  fl::Config config = toy::with_options(algorithm, std::move(options));
  config.defence = fl::find_defence("secure-mean");
  return config;
}

}  // namespace

TEST_CASE("any shares give the secret if they reach the threshold, and fewer do not") {
  const fl::Secret secret = fl::random_secret();
  const auto shares = fl::split_secret(secret, 3, 255);
  CHECK(fl::recover_secret(std::vector{shares[0], shares[1], shares[2]}) == secret);
  CHECK(fl::recover_secret(std::vector{shares[254], shares[7], shares[100]}) == secret);
  CHECK(fl::recover_secret(shares) == secret);
  CHECK(fl::recover_secret(std::vector{shares[0], shares[1]}) != secret);
  CHECK(fl::recover_secret(fl::split_secret(secret, 1, 1)) == secret);
  CHECK_THROWS_AS(fl::split_secret(secret, 3, 2), nn::Error);
  CHECK_THROWS_AS(fl::split_secret(secret, 3, 256), nn::Error);
}

TEST_CASE("two clients agree on a seed, and a mask is undone by its negative") {
  const fl::KeyPair a = fl::make_keys(), b = fl::make_keys(), c = fl::make_keys();
  const fl::Secret seed = fl::agree(a.secret_key, b.public_key);
  CHECK(seed == fl::agree(b.secret_key, a.public_key));
  CHECK(seed != fl::agree(a.secret_key, c.public_key));
  const std::vector<std::uint64_t> values(3000, 5);
  std::vector<std::uint64_t> masked = values;
  fl::add_mask(masked, seed, fl::Sign::plus);
  CHECK(std::set(masked.begin(), masked.end()).size() == 3000);
  fl::add_mask(masked, seed, fl::Sign::minus);
  CHECK(masked == values);
}

TEST_CASE("fixed point keeps numbers to 2^-33, and says which are too large") {
  for (double value : {0.0, 1.0, -1.0, 1e-3, -123.456, 99999.5})
    CHECK(std::abs(fl::from_fixed_point(fl::to_fixed_point(value)) - value) <= 0x1p-33);
  CHECK(fl::fits_fixed_point(-0x1p20));
  CHECK(!fl::fits_fixed_point(-0x1.1p20));
  CHECK(fl::from_fixed_point(fl::to_fixed_point(1.5) + fl::to_fixed_point(-2)) == -0.5);
}

TEST_CASE("the secure sum is the sum to the last bit, wherever clients drop out") {
  using fl::Step;
  constexpr int count = 9, size = 2500;
  const auto inputs = random_inputs(count, size);
  for (const std::vector<Step>& dropped :
       {std::vector<Step>{},
        {Step::advertise_keys},
        {Step::share_keys},
        {Step::masked_input},
        {Step::unmask},
        {Step::masked_input, Step::masked_input, Step::unmask, Step::unmask},
        {Step::advertise_keys, Step::share_keys, Step::masked_input, Step::unmask}}) {
    std::vector<Step> drops(count, Step::none);
    for (std::size_t i = 0; i < dropped.size(); ++i) drops[(2 * i + 1) % count] = dropped[i];
    std::vector<std::uint64_t> expected(size);
    for (int u = 0; u < count; ++u)
      if (drops[u] >= Step::unmask)
        for (int i = 0; i < size; ++i) expected[i] += inputs[u][i];
    CHECK(fl::secure_sum(inputs, drops, 5).sum == expected);
  }
}

TEST_CASE("with fewer clients than the threshold in any step there is no sum") {
  for (int step = 0; step < 4; ++step) {
    std::vector<fl::Step> drops(6, fl::Step::none);
    for (int i = 0; i < 3; ++i) drops[i] = static_cast<fl::Step>(step);
    const fl::SecureSum failed = fl::secure_sum(random_inputs(6, 10), drops, 4);
    CHECK(failed.sum.empty());
    CHECK(failed.failed == drops[0]);
    CHECK(failed.left == 3);
    CHECK(!fl::secure_sum(random_inputs(6, 10), drops, 3).sum.empty());
  }
}

TEST_CASE("what a client sends looks random, whatever its input, and differs every time") {
  const auto masked_zeros = [] {
    fl::SecureClient a(0), b(1);
    const std::map<int, fl::PublicKeys> keys{{0, a.advertise_keys()}, {1, b.advertise_keys()}};
    const auto from_a = a.share_keys(keys, 2), from_b = b.share_keys(keys, 2);
    return a.mask(std::vector<std::uint64_t>(20'000), {{0, from_a.at(0)}, {1, from_b.at(0)}});
  };
  const auto masked = masked_zeros();
  std::array<int, 256> counts{};
  for (std::uint64_t value : masked)
    for (int byte = 0; byte < 8; ++byte) ++counts[value >> 8 * byte & 255];
  double chi_squared = 0;
  for (int count : counts) chi_squared += (count - 625.0) * (count - 625.0) / 625;
  CHECK(chi_squared < 255 + 7 * 22.6);  // mean and seven standard deviations
  CHECK(chi_squared > 255 - 7 * 22.6);
  CHECK(masked_zeros() != masked);
}

TEST_CASE("a client never reveals both secrets of another one, and notices damaged shares") {
  fl::SecureClient a(0), b(1);
  const std::map<int, fl::PublicKeys> keys{{0, a.advertise_keys()}, {1, b.advertise_keys()}};
  const auto from_a = a.share_keys(keys, 2);
  auto from_b = b.share_keys(keys, 2);
  fl::SealedShares damaged = from_b.at(0);
  damaged.back() ^= 1;
  CHECK_THROWS_WITH_AS(a.mask({1, 2}, {{0, from_a.at(0)}, {1, damaged}}),
                       doctest::Contains("the shares of client 1 are damaged"), nn::Error);
  a.mask({1, 2}, {{0, from_a.at(0)}, {1, from_b.at(0)}});
  const auto revealed = a.unmask({true, false});
  REQUIRE(revealed.size() == 2);
  CHECK(revealed[0].of == 0);
  CHECK(revealed[1].of == 1);
  CHECK(revealed[1].share.values != a.unmask({true, true})[1].share.values);
}

TEST_CASE("the secure mean is the mean, to fixed point's precision, for every algorithm") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    if (!algorithm.is_federated) continue;  // one party hides nothing
    CAPTURE(algorithm.name);
    const std::string name(algorithm.name);
    const auto mean = weights_after(toy::config(name.c_str(), 2), 2);
    CHECK(largest_difference(weights_after(secure({}, name.c_str()), 2), mean) <
          (is_float ? 1e-4 : 1e-6));
  }
}

TEST_CASE("a client whose update does not fit fixed point is excluded, and so are all of a round") {
  const data::ImageDataset dataset = toy::dataset();
  for (const int modulus : {2, 1}) {
    const fl::AlgorithmEntry huge =
        toy::tampered("fedavg", [&](const fl::ClientContext& client, fl::Update& update) {
          if (client.client % modulus == 0) update.values[5] = real(1e9);
        });
    fl::Config config = secure({{"secure-threshold", 0.5}});
    config.algorithm = &huge;
    config.fraction = 1;
    fl::Server server(config, dataset);
    const std::vector<real> before(server.weights().begin(), server.weights().end());
    const fl::Round round = server.play_round();
    REQUIRE(round.excluded.size() == 12u / modulus);
    CHECK(round.excluded[0].reason == "its update does not fit fixed point");
    CHECK(std::ranges::equal(server.weights(), before) == (modulus == 1));
    CHECK(nn::all_finite(server.weights()));
  }
}

TEST_CASE("clients that drop out are excluded and the run goes on with the same bits") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = secure({{"secure-drop-out", 0.1}, {"secure-threshold", 0.5}}, "scaffold");
  config.fraction = 1;
  fl::Server server(config, dataset);
  std::set<std::string> reasons;
  for (int round = 0; round < 6; ++round)
    for (const fl::Exclusion& lost : server.play_round().excluded) reasons.insert(lost.reason);
  CHECK(reasons.contains("it dropped out of secure aggregation in \"masked input\""));
  CHECK(reasons.contains("it dropped out of secure aggregation in \"share keys\""));
  config.threads = 1;
  CHECK(std::ranges::equal(weights_after(config, 6), server.weights()));
  // c is the mean of all c_i, whichever clients took part.
  const std::span<const real> control = server.algorithm().state().front().values;
  std::vector<double> mean(control.size());
  for (const auto& [client, state] : server.client_states().in_memory())
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += state.at(i) / 12.0;
  CHECK(largest_difference(control, mean) < (is_float ? 1e-5 : 1e-6));
}

TEST_CASE("a round with too few clients left changes nothing and says so") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(secure({{"secure-drop-out", 1}}, "fedavgm"), dataset);
  const std::vector<real> before(server.weights().begin(), server.weights().end());
  const fl::Round round = server.play_round();
  CHECK(std::ranges::equal(server.weights(), before));
  REQUIRE(round.excluded.size() == 6);
  CHECK(round.excluded[0].reason ==
        "secure aggregation failed in the step \"advertise keys\": 0 left, 4 needed");
}

TEST_CASE("clients gone before the protocol count as lost, and no sum has only one client") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = secure({{"drop-out", 0.5}});
  config.clock = fl::find_clock("synchronous");
  fl::Server server(config, dataset);
  int failed = 0, summed = 0;
  for (int round = 0; round < 12; ++round) {
    const std::vector<real> before(server.weights().begin(), server.weights().end());
    const int left =
        6 - static_cast<int>(std::ranges::count(server.play_round().excluded, "it dropped out",
                                                &fl::Exclusion::reason));
    CHECK(std::ranges::equal(server.weights(), before) == (left < 4));
    ++(left < 4 ? failed : summed);
  }
  CHECK(failed > 0);
  CHECK(summed > 0);
  CHECK(complaint_of([] { fl::check_secure_mean({}, 1); }) ==
        "a secure sum of one client in a round would be its update");
}

TEST_CASE("more clients in a round than a secret has shares are refused") {
  CHECK(complaint_of([] { fl::check_secure_mean({}, 256); }) ==
        "secure aggregation of 256 clients in a round: its secrets have up to 255 shares");
  CHECK(complaint_of([] { fl::check_secure_mean({}, 255); }) == "nothing");
}
