#include <doctest/doctest.h>

#include <cmath>
#include <mutex>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "tests/nn/numbers.h"

namespace {

using nn::index, nn::real, nn::Team;
using tests::random_values;

// Loss and all gradients of a LLaMA whose products are large enough to be shared among threads.
std::vector<real> train_llama(int threads) {
  nn::LanguageModelConfig config{.vocab_size = 4500,
                                 .hidden_size = 96,
                                 .layers = 1,
                                 .heads = 6,
                                 .key_value_heads = 3,
                                 .intermediate_size = 700,
                                 .max_positions = 100};
  nn::LanguageModel model(config, 1);
  std::vector<int> ids(200), targets(200);
  for (int i = 0; i < 200; ++i) ids[i] = i * 37 % 4500, targets[i] = i % 9 ? i * 101 % 4500 : -1;
  Team team(threads);
  nn::Tape tape;
  tape.set_team(team);
  const nn::Var loss = model.loss(model.layer(1, model.embed(tape, ids, 100), 100), targets);
  tape.backward(loss);
  std::vector<real> numbers{loss.value()[0]};
  const auto gradients = model.parameters().gradients();
  numbers.insert(numbers.end(), gradients.begin(), gradients.end());
  return numbers;
}

}  // namespace

TEST_CASE("a team does every part of every loop once") {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    CHECK(team.threads() == threads);
    for (nn::index parts : {0, 1, 2, 3, 7, 1000}) {
      std::vector<std::atomic<int>> done(parts);
      for (int loop = 1; loop <= 20; ++loop) {
        team.each(parts, [&](nn::index part) { ++done[part]; });
        for (const auto& times : done) REQUIRE(times == loop);
      }
    }
  }
}

TEST_CASE("more than one thread of a team is at work") {
  Team team(2);
  std::atomic<int> arrived = 0;
  team.each(2, [&](nn::index) {  // neither part ends before both have begun
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("a loop is split into ranges that cover it and are not too short") {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    for (nn::index count : {0, 1, 9, 10, 19, 20, 30, 1000}) {
      std::vector<std::atomic<int>> done(count);
      std::atomic<nn::index> ranges = 0, shortest = count;
      std::mutex mutex;
      team.split(count, 10, [&](nn::index begin, nn::index end) {
        for (nn::index i = begin; i < end; ++i) ++done[i];
        const std::lock_guard lock(mutex);
        ++ranges;
        shortest = std::min<nn::index>(shortest, end - begin);
      });
      for (const auto& times : done) CHECK(times == 1);
      CHECK(ranges == std::max<nn::index>(1, std::min<nn::index>(threads, count / 10)));
      CHECK(shortest >= std::min<nn::index>(count, 10));
    }
  }
}

TEST_CASE("a product has the same bits for any number of threads") {
  nn::blas::reserve(4);
  const struct {
    nn::index m, n, k;
  } sizes[] = {{1, 1, 1}, {256, 288, 288}, {49, 700, 300}, {701, 333, 97}, {150, 150, 1000}};
  for (const auto [m, n, k] : sizes)
    for (const auto transpose_a : {nn::blas::Transpose::no, nn::blas::Transpose::yes})
      for (const auto transpose_b : {nn::blas::Transpose::no, nn::blas::Transpose::yes}) {
        const auto a = random_values(m * k, 1), b = random_values(k * n, 2);
        const auto start = random_values(m * n, 3);
        const nn::index leading_a = transpose_a == nn::blas::Transpose::yes ? m : k;
        const nn::index leading_b = transpose_b == nn::blas::Transpose::yes ? k : n;
        const auto product = [&](int threads) {
          Team team(threads);
          std::vector<real> c = start;
          nn::blas::gemm(team, transpose_a, transpose_b, m, n, k, 2, a.data(), leading_a, b.data(),
                         leading_b, 1, c.data(), n);
          return c;
        };
        std::vector<real> whole = start;
        nn::blas::gemm(transpose_a, transpose_b, m, n, k, 2, a.data(), leading_a, b.data(),
                       leading_b, 1, whole.data(), n);
        const std::vector<real> alone = product(1);
        real difference = 0;
        for (nn::index i = 0; i < m * n; ++i)
          difference = std::max(difference, std::abs(alone[i] - whole[i]));
        CHECK(difference < 1e-3);
        for (int threads : {2, 3, 5}) CHECK(product(threads) == alone);
      }
}

TEST_CASE("blocks of a product are shared by many threads, and no bit depends on it") {
  nn::blas::reserve(1);
  nn::Generator generator(1);
  const auto up_to = [&](nn::index most) {
    return static_cast<nn::index>(generator.next32() % most) + 1;
  };
  nn::index most_parts = 0, shared = 0;
  for (int product = 0; product < 60; ++product) {
    // Extents of any size: whole steps and remainders, narrow and wide.
    const auto extent = [&] {
      const nn::index kinds[] = {up_to(60), up_to(900), 24 * up_to(30), 24 * up_to(30) + up_to(3)};
      return kinds[generator.next32() % 4];
    };
    nn::index m = extent(), n = extent(), k = extent();
    const nn::index least = nn::index{1} << (23 + product % 6);
    while (m * n * k < least) m += up_to(100), n += up_to(100), k += up_to(100);
    const auto transpose_a = nn::blas::Transpose(product % 2);
    const auto transpose_b = nn::blas::Transpose(product / 2 % 2);
    const auto alpha = real(product / 4 % 2 ? 0.5 : 1), beta = real(product / 8 % 2);
    CAPTURE(nn::concat(m, " x ", n, " x ", k, ", ", product % 16));
    const auto a = random_values(m * k, 1), b = random_values(k * n, 2);
    const auto start = random_values(m * n, 3);
    const auto product_of = [&](Team& team) {
      std::vector<real> c = start;
      nn::blas::gemm(team, transpose_a, transpose_b, m, n, k, alpha, a.data(),
                     transpose_a == nn::blas::Transpose::yes ? m : k, b.data(),
                     transpose_b == nn::blas::Transpose::yes ? k : n, beta, c.data(), n);
      return c;
    };
    Team alone;
    const std::vector<real> expected = product_of(alone);
    for (const int threads : {2, 5, 16, 64}) {
      CAPTURE(threads);
      nn::index parts = 1;
      Team many(
          threads, [] { return 0.0; },
          [&](std::span<const double> seconds) { parts = static_cast<nn::index>(seconds.size()); });
      CHECK(product_of(many) == expected);
      CHECK(parts <= std::max(4, threads));
      most_parts = std::max(most_parts, parts);
      shared += parts > 4;
    }
  }
  CHECK(most_parts >= 32);
  CHECK(shared > 40);
}

TEST_CASE("a rehearsal does every part once, on one thread, and says how long each took") {
  static double now = 0;
  std::vector<std::vector<double>> loops;
  Team team(
      16, [] { return now; },
      [&](std::span<const double> seconds) { loops.emplace_back(seconds.begin(), seconds.end()); });
  CHECK(team.threads() == 16);
  const auto caller = std::this_thread::get_id();
  team.each(5, [&](nn::index part) {
    CHECK(std::this_thread::get_id() == caller);
    now += static_cast<double>(part);
  });
  team.split(100, 30,
             [](nn::index begin, nn::index end) { now += static_cast<double>(end - begin); });
  team.each(1, [](nn::index) { now += 1000; });  // a loop of one part is none
  CHECK(loops == std::vector<std::vector<double>>{{0, 1, 2, 3, 4}, {33, 33, 34}});
  const auto rehearse = [](int threads, Team::Clock clock) {
    Team(threads, clock, [](std::span<const double>) {});
  };
  CHECK_THROWS_AS(rehearse(0, [] { return now; }), nn::Error);
  CHECK_THROWS_AS(rehearse(2, nullptr), nn::Error);
}

TEST_CASE("a LLaMA's loss and gradients have the same bits for any number of threads") {
  nn::blas::reserve(4);
  const std::vector<real> alone = train_llama(1);
  for (int threads : {2, 3, 5}) CHECK(train_llama(threads) == alone);
}

TEST_CASE("norms and activations have the same bits for any number of threads") {
  const nn::Shape images{6, 8, 30, 31}, channels{8};
  const auto x_values = random_values(images.size(), 1);
  const auto weights = random_values(8, 2), biases = random_values(8, 3);
  const auto results = [&](int threads) {
    Team team(threads);
    nn::Tape tape;
    tape.set_team(team);
    nn::Parameters parameters;
    const nn::Parameter weight{&parameters, parameters.add("weight", channels)};
    const nn::Parameter bias{&parameters, parameters.add("bias", channels)};
    std::ranges::copy(weights, weight.value().begin());
    std::ranges::copy(biases, bias.value().begin());
    const nn::Var x = tape.input({x_values.data(), images});
    const nn::Var w = tape.parameter(weight), b = tape.parameter(bias);
    nn::Var y = leaky_relu(batch_norm(x, w, b));
    y = nn::tanh(group_norm(y, 2, w, b));
    y = sigmoid(batch_norm(y, w, b, weight.value(), bias.value(), 5));
    y = gelu_tanh(y);
    tape.backward_data(y, {x_values.data(), images});
    tape.backward_weights();
    std::vector<real> all(y.value().begin(), y.value().end());
    all.insert(all.end(), x.gradient().begin(), x.gradient().end());
    all.insert(all.end(), parameters.gradients().begin(), parameters.gradients().end());
    return all;
  };
  const std::vector<real> alone = results(1);
  CHECK(std::ranges::all_of(alone, [](real value) { return std::isfinite(value); }));
  for (int threads : {2, 3, 5}) CHECK(results(threads) == alone);
}

TEST_CASE("Adam takes the same steps with any number of threads") {
  const std::vector<real> gradients = random_values(100'000, 1);
  std::vector<real> expected = random_values(100'000, 2);
  nn::Adam adam(0.1);
  const std::vector<real> start = expected;
  for (int step = 0; step < 3; ++step) adam.step(expected, gradients);
  for (int threads : {2, 3}) {
    Team team(threads);
    std::vector<real> values = start;
    nn::Adam other(0.1);
    for (int step = 0; step < 3; ++step) other.step(values, gradients, team);
    CHECK(values == expected);
  }
}
