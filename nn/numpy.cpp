#include "nn/numpy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/mersenne_twister.h"

namespace nn::numpy {

namespace {

// SeedSequence: hashes a seed into well-mixed words.
std::array<std::uint64_t, 4> seed_words(std::uint64_t seed) {
  std::uint32_t hash = 0x43b0d7e5;
  const auto hashed = [&hash](std::uint32_t value, std::uint32_t factor) {
    value ^= hash;
    hash *= factor;
    value *= hash;
    return value ^ value >> 16;
  };
  const auto mixed = [](std::uint32_t x, std::uint32_t y) {
    const std::uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
    return value ^ value >> 16;
  };
  const std::array<std::uint32_t, 4> entropy{static_cast<std::uint32_t>(seed),
                                             static_cast<std::uint32_t>(seed >> 32)};
  std::array<std::uint32_t, 4> pool;
  for (int i = 0; i < 4; ++i) pool[i] = hashed(entropy[i], 0x931e8875);
  for (int from = 0; from < 4; ++from)
    for (int to = 0; to < 4; ++to)
      if (from != to) pool[to] = mixed(pool[to], hashed(pool[from], 0x931e8875));

  std::array<std::uint64_t, 4> words{};
  hash = 0x8b51f9dd;
  for (int i = 0; i < 8; ++i)
    words[i / 2] |= std::uint64_t{hashed(pool[i % 4], 0x58f38ded)} << (32 * (i % 2));
  return words;
}

uint128 join(std::uint64_t high, std::uint64_t low) {
  return static_cast<uint128>(high) << 64 | low;
}

const uint128 pcg_multiplier = join(2549297995355413924u, 4865540595714422341u);

}  // namespace

Generator::Generator(std::uint64_t seed) {
  const auto words = seed_words(seed);
  increment_ = join(words[2], words[3]) << 1 | 1;
  state_ = (increment_ + join(words[0], words[1])) * pcg_multiplier + increment_;
}

std::uint64_t Generator::next64() {
  state_ = state_ * pcg_multiplier + increment_;
  const auto folded = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
  return std::rotr(folded, static_cast<int>(state_ >> 122));
}

std::uint32_t Generator::next32() {
  has_kept_half_ = !has_kept_half_;
  if (!has_kept_half_) return kept_half_;
  const std::uint64_t both = next64();
  kept_half_ = static_cast<std::uint32_t>(both >> 32);
  return static_cast<std::uint32_t>(both);
}

double Generator::random() { return static_cast<double>(next64() >> 11) * 0x1p-53; }

std::uint32_t Generator::bounded(std::uint32_t largest) {
  if (largest == 0) return 0;
  const std::uint64_t range = std::uint64_t{largest} + 1;
  std::uint64_t product = next32() * range;
  if (static_cast<std::uint32_t>(product) < range) {
    const std::uint64_t threshold = (UINT32_MAX - largest) % range;
    while (static_cast<std::uint32_t>(product) < threshold) product = next32() * range;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

std::uint32_t Generator::interval(std::uint32_t largest) {
  if (largest == 0) return 0;
  const std::uint32_t mask = UINT32_MAX >> std::countl_zero(largest);
  std::uint32_t value;
  do value = next32() & mask;
  while (value > largest);
  return value;
}

std::vector<int> Generator::permutation(int count) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int i = count - 1; i > 0; --i) std::swap(order[i], order[interval(i)]);
  return order;
}

std::vector<int> legacy_permutation(std::uint32_t seed, int count) {
  MersenneTwister engine(seed);
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int i = count - 1; i > 0; --i) {
    const std::uint32_t largest = i, mask = UINT32_MAX >> std::countl_zero(largest);
    std::uint32_t chosen;
    do chosen = engine() & mask;
    while (chosen > largest);
    std::swap(order[i], order[chosen]);
  }
  return order;
}

std::vector<int> Generator::choice(int count, int chosen) {
  require(chosen >= 0 && chosen <= count, "choice: ", chosen, " of ", count,
          " without replacement");
  if (count > 10000 && chosen > count / 50) {  // many of many: shuffle the tail
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    for (int i = count - 1; i >= std::max(count - chosen, 1); --i)
      std::swap(order[i], order[bounded(i)]);
    return {order.end() - chosen, order.end()};
  }
  std::vector<int> order;  // Floyd's sampling, then a shuffle
  std::unordered_set<int> seen;
  for (int i = count - chosen; i < count; ++i) {
    const int value = static_cast<int>(bounded(i));
    order.push_back(seen.insert(value).second ? value : i);
    seen.insert(order.back());
  }
  for (int i = chosen - 1; i > 0; --i) std::swap(order[i], order[bounded(i)]);
  return order;
}

double Generator::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-random()));
  return radius * std::cos(2 * std::numbers::pi * random());
}

double Generator::gamma(double shape) {
  if (shape < 1) return gamma(shape + 1) * std::pow(1 - random(), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - random()) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}

std::vector<double> Generator::dirichlet(double alpha, int count) {
  std::vector<double> shares(count);
  double sum = 0;
  for (double& share : shares) sum += share = gamma(alpha);
  if (sum == 0) shares[bounded(count - 1)] = sum = 1;  // alpha is tiny: one share gets everything
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<double> Generator::lognormal(double sigma, int count) {
  std::vector<double> values(count);
  for (double& value : values) value = std::exp(sigma * normal());
  return values;
}

namespace {

// Sorts order[first, last], both ends included, by key, like NumPy's aquicksort: median of three as
// pivot, Hoare's scan, insertion sort for short ranges, heapsort when the recursion gets too deep.
class Introsort {
 public:
  Introsort(std::span<const std::uint8_t> keys, std::vector<int>& order)
      : keys_(keys), order_(order) {}

  void sort(int first, int last, int depth) {
    while (last - first > 15) {
      if (depth-- < 0) return heap_sort(first, last);
      const int pivot = partition(first, last);
      // Recurse into the shorter side, then continue with the longer one.
      if (pivot - first < last - pivot) {
        sort(first, pivot - 1, depth);
        first = pivot + 1;
      } else {
        sort(pivot + 1, last, depth);
        last = pivot - 1;
      }
    }
    insertion_sort(first, last);
  }

 private:
  std::uint8_t key(int position) const { return keys_[order_[position]]; }
  void order_pair(int left, int right) {
    if (key(right) < key(left)) std::swap(order_[left], order_[right]);
  }

  int partition(int first, int last) {
    const int middle = first + (last - first) / 2;
    order_pair(first, middle);
    order_pair(middle, last);
    order_pair(first, middle);
    const std::uint8_t pivot = key(middle);
    std::swap(order_[middle], order_[last - 1]);
    int left = first, right = last - 1;
    while (true) {
      do ++left;
      while (key(left) < pivot);
      do --right;
      while (pivot < key(right));
      if (left >= right) break;
      std::swap(order_[left], order_[right]);
    }
    std::swap(order_[left], order_[last - 1]);
    return left;
  }

  void insertion_sort(int first, int last) {
    for (int i = first + 1; i <= last; ++i) {
      const int moving = order_[i];
      int hole = i;
      for (; hole > first && keys_[moving] < key(hole - 1); --hole) order_[hole] = order_[hole - 1];
      order_[hole] = moving;
    }
  }

  void heap_sort(int first, int last) {
    const auto begin = order_.begin() + first, end = order_.begin() + last + 1;
    const auto by_key = [this](int a, int b) { return keys_[a] < keys_[b]; };
    std::make_heap(begin, end, by_key);
    std::sort_heap(begin, end, by_key);
  }

  std::span<const std::uint8_t> keys_;
  std::vector<int>& order_;
};

}  // namespace

std::vector<int> argsort(std::span<const std::uint8_t> keys) {
  std::vector<int> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  const int depth = 2 * (std::bit_width(keys.size()) - 1);
  if (!order.empty()) Introsort(keys, order).sort(0, static_cast<int>(keys.size()) - 1, depth);
  return order;
}

std::vector<int> array_split_sizes(int count, int parts) {
  std::vector<int> sizes(parts, count / parts);
  for (int i = 0; i < count % parts; ++i) ++sizes[i];
  return sizes;
}

}  // namespace nn::numpy
