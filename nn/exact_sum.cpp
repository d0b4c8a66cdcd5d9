#include "nn/exact_sum.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "nn/base/error.h"

namespace nn {

namespace {

constexpr double range = 0x1p13, largest_term = 0x1p11;  // of sums; of what exact_term() can round
constexpr index least_per_thread = 16384;

// Calls f(begin, end) for parts that stay in the first cache.
template <class Function>
void each_part(index size, Team& team, Function f) {
  team.split(size, least_per_thread, [&](index begin, index end) {
    constexpr index part = 256;
    for (index first = begin; first < end; first += part) f(first, std::min(first + part, end));
  });
}

}  // namespace

double exact_limit(int terms) {
  return std::min(largest_term, range / std::bit_ceil(static_cast<unsigned>(terms)));
}

// Most of an embedding's gradient is 0: such parts are only read.
bool move_terms(std::span<real> terms, std::span<double> sums, double limit, Team& team) {
  require(terms.size() == sums.size(), "exact sum: ", terms.size(), " terms for ", sums.size(),
          " sums");
  const real most = static_cast<real>(limit);
  std::atomic<bool> fit = true;
  each_part(static_cast<index>(terms.size()), team, [&](index begin, index end) {
    int has_terms = 0, has_excess = 0;  // as wide as a float, so that the loop is vectorised
    for (index i = begin; i < end; ++i) {
      has_terms |= terms[i] != 0;
      has_excess |= !(std::abs(terms[i]) < most);
    }
    if (has_excess) fit = false;
    if (!has_terms) return;
    for (index i = begin; i < end; ++i) {
      sums[i] += exact_term(terms[i]);
      terms[i] = 0;
    }
  });
  return fit;
}

void take_products(std::span<double> sums, double factor, std::span<real> values, Team& team) {
  require(values.size() == sums.size(), "exact sum: ", values.size(), " values of ", sums.size(),
          " sums");
  each_part(static_cast<index>(sums.size()), team, [&](index begin, index end) {
    std::int64_t has_sums = 0;
    for (index i = begin; i < end; ++i) has_sums |= sums[i] != 0;
    if (!has_sums) return;
    for (index i = begin; i < end; ++i) {
      values[i] = static_cast<real>(factor * sums[i]);
      sums[i] = 0;
    }
  });
}

}  // namespace nn
