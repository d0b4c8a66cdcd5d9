#include <doctest/doctest.h>

#include <vector>

// What a compiler got wrong, so that the Makefile has an option against it.

[[gnu::noinline]] static double sum_of(const std::vector<double>& numbers) {
  double sum = 0;
  for (double x : numbers) sum += x;
  return sum;
}

TEST_CASE("four doubles whose last two are zero stay so") {
  const std::vector<double> halves{0.5, 0.5, 0, 0};
  CHECK(sum_of(halves) == 1);
}
