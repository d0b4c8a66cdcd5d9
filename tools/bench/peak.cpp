#include "tools/bench/peak.h"

#include <algorithm>
#include <thread>

#include "nn/blas.h"

namespace bench {

namespace {

constexpr nn::index n = 512;
constexpr int repeats = 20, tries = 5;

void multiply(std::vector<nn::real>& matrices) {
  nn::real* a = matrices.data();
  for (int i = 0; i < repeats; ++i)
    nn::blas::gemm(nn::blas::Transpose::no, nn::blas::Transpose::no, n, n, n, 1, a, n, a + n * n, n,
                   0, a + 2 * n * n, n);
}

Contestant::Jobs prepare(int threads) {
  nn::blas::reserve(threads);
  std::vector<std::vector<nn::real>> matrices(threads, std::vector<nn::real>(3 * n * n, 0.5));
  return {{"multiply", [matrices]() mutable {
             std::vector<std::jthread> running;
             for (std::vector<nn::real>& own : matrices)
               running.emplace_back([&own] { multiply(own); });
           }}};
}

}  // namespace

Peak::Peak(int threads)
    : threads_(threads), contestant_(Contestant::ours([threads] { return prepare(threads); })) {}

double Peak::flops_per_second() {
  double now = 0;
  for (int i = 0; i < tries; ++i)
    now = std::max(now, 2.0 * n * n * n * repeats * threads_ / contestant_.seconds("multiply"));
  best_ = std::max(best_, now);
  return now;
}

}  // namespace bench
