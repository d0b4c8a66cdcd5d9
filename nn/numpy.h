#pragma once

#include <cstdint>
#include <span>
#include <vector>

// NumPy's algorithms, number for number, where the outcome of an experiment depends on them.
namespace nn::numpy {

__extension__ using uint128 = unsigned __int128;

// numpy.random.default_rng(seed): PCG64 (O'Neill 2014) seeded through SeedSequence.
class Generator {
 public:
  explicit Generator(std::uint64_t seed);

  double random();                                 // in [0, 1)
  std::vector<int> permutation(int count);         // of 0 .. count-1
  std::vector<int> choice(int count, int chosen);  // without replacement, in NumPy's order

  // Symmetric Dirichlet: `count` shares that add up to 1. Uses the gamma sampler of Marsaglia and
  // Tsang (2000), so the distribution is NumPy's but the numbers are not.
  std::vector<double> dirichlet(double alpha, int count);
  // exp(sigma z) of normal z. Again NumPy's distribution, not its numbers.
  std::vector<double> lognormal(double sigma, int count);

 private:
  std::uint64_t next64();
  std::uint32_t next32();                         // half of a next64(); the other half is kept
  std::uint32_t bounded(std::uint32_t largest);   // Lemire (2019): 0 .. largest
  std::uint32_t interval(std::uint32_t largest);  // masked rejection: 0 .. largest
  double normal();
  double gamma(double shape);

  uint128 state_ = 0, increment_ = 0;
  std::uint32_t kept_half_ = 0;
  bool has_kept_half_ = false;
};

// numpy.random.RandomState(seed).permutation(count), the generator before default_rng(), which
// scikit-learn uses: MT19937 and masked rejection.
std::vector<int> legacy_permutation(std::uint32_t seed, int count);

// numpy.argsort(keys) as in NumPy up to 1.24: introsort, which is not stable. The split into shards
// depends on its order of equal keys.
std::vector<int> argsort(std::span<const std::uint8_t> keys);

// The sizes of numpy.array_split(range(count), parts): the first count % parts get one more.
std::vector<int> array_split_sizes(int count, int parts);

}  // namespace nn::numpy
