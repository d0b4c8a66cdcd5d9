#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "nn/kernels/vector_math.h"

namespace nn::kernels {

TEST_CASE("exponential is within two units in the last place of exp") {
  double largest = 0;
  for (float x = -87.2f; x < 88.6f; x += 0.00037f) {
    const double exact = std::exp(static_cast<double>(x));
    const double unit =
        std::nextafter(static_cast<float>(exact), INFINITY) - static_cast<float>(exact);
    largest = std::max(largest, std::abs(exponential(x) - exact) / unit);
  }
  CHECK(largest < 2);
  CHECK(exponential(0.0f) == 1);
}

TEST_CASE("exponential ends in 0 and infinity and passes NaN on") {
  CHECK(exponential(-100.0f) == 0);
  CHECK(exponential(-std::numeric_limits<float>::infinity()) == 0);
  CHECK(std::isinf(exponential(89.0f)));
  CHECK(std::isinf(exponential(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
}

// Undefined behaviour, such as converting NaN to an integer, is an error in a constant expression.
constexpr float nan = std::numeric_limits<float>::quiet_NaN(), e_to_nan = exponential(nan);
static_assert(e_to_nan != e_to_nan);
static_assert(exponential(-INFINITY) == 0 && exponential(INFINITY) == INFINITY);

TEST_CASE("sum and largest agree with plain loops at every length") {
  std::vector<real> x;
  double sum_of_all = 0;
  real largest_of_all = -1000;
  for (int i = 0; i < 100; ++i) {
    x.push_back(static_cast<real>((i * 37) % 101) - 50);
    sum_of_all += x.back();
    largest_of_all = std::max(largest_of_all, x.back());
    CHECK(sum(x.data(), i + 1) == doctest::Approx(sum_of_all));
    CHECK(largest(x.data(), i + 1) == largest_of_all);
  }
}

}  // namespace nn::kernels
