#include "nn/exact_sum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "nn/random.h"

namespace nn {

TEST_CASE("an exact sum has the same bits in any order and grouping, and a sum of floats has not") {
  constexpr int terms = 50;
  constexpr std::size_t size = 70'000;
  std::vector<std::vector<real>> rows(terms, std::vector<real>(size));
  Generator generator(4);
  for (std::vector<real>& row : rows) {
    generator.uniform(row, -1, 1);
    for (std::size_t i = 0; i < size; ++i) row[i] *= std::ldexp(real(1), -static_cast<int>(i % 50));
  }
  const auto sum_of = [&](const std::vector<int>& order, int threads) {
    Team team(threads);
    std::vector<double> sums(size);
    for (int i : order) {
      std::vector<real> row = rows[i];
      CHECK(move_terms(row, sums, exact_limit(terms), team));
      CHECK(std::ranges::count(row, real(0)) == static_cast<std::ptrdiff_t>(size));
    }
    return sums;
  };
  std::vector<int> order(terms), first, second;
  for (int i = 0; i < terms; ++i) order[i] = i;
  const std::vector<double> whole = sum_of(order, 1);
  std::ranges::reverse(order);
  CHECK(sum_of(order, 2) == whole);
  for (int i : order) (i % 3 ? first : second).push_back(i);
  std::vector<double> parts = sum_of(first, 1);
  const std::vector<double> others = sum_of(second, 1);
  std::ranges::transform(parts, others, parts.begin(), std::plus<>());
  CHECK(parts == whole);

  std::vector<real> plain(size), backwards(size);
  std::vector<double> close(size);
  for (int i = 0; i < terms; ++i)
    for (std::size_t at = 0; at < size; ++at) {
      plain[at] += rows[i][at];
      close[at] += rows[i][at];
      backwards[at] += rows[terms - 1 - i][at];
    }
  if (sizeof(real) == 4) CHECK(plain != backwards);  // double has room for these terms
  for (std::size_t at = 0; at < size; ++at)
    CHECK(std::abs(whole[at] - close[at]) <= terms * 0x1.01p-41);
}

TEST_CASE("a term keeps what is a multiple of the unit, and is otherwise rounded to the nearest") {
  CHECK(exact_term(0x1.fffffep-17) == 0x1.fffffep-17);
  CHECK(exact_term(-2047.999) == doctest::Approx(-2047.999).epsilon(1e-15));
  CHECK(exact_term(0x1p-41) == 0);
  CHECK(exact_term(0x1.8p-41) == 0x1p-40);
  CHECK(exact_term(-0x1.8p-41) == -0x1p-40);
}

TEST_CASE("products are taken out of the sums") {
  Team team;
  std::vector<double> sums{3, -1.5, 0};
  std::vector<real> values(3);
  take_products(sums, 0.5, values, team);
  CHECK(values == std::vector<real>{1.5, -0.75, 0});
  CHECK(sums == std::vector<double>(3));
}

TEST_CASE("terms that a sum cannot hold are reported") {
  Team team;
  CHECK(exact_limit(1) == 2048);
  CHECK(exact_limit(9) == 512);
  CHECK(exact_limit(16) == 512);
  for (const real bad : {real(512), -real(1e30), std::numeric_limits<real>::infinity(),
                         std::numeric_limits<real>::quiet_NaN()}) {
    std::vector<real> terms(1000);
    terms[300] = bad;
    std::vector<double> sums(1000);
    CHECK(!move_terms(terms, sums, exact_limit(16), team));
    terms.assign(1000, real(511.5));
    CHECK(move_terms(terms, sums, exact_limit(16), team));
  }
}

}  // namespace nn
