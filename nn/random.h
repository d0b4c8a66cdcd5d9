#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/mersenne_twister.h"
#include "nn/real.h"

namespace nn {

// PyTorch's CPU generator: the same seed gives the same numbers as torch.manual_seed(seed).
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 5489) : engine_(static_cast<std::uint32_t>(seed)) {}

  // Only the low 32 bits matter, as in PyTorch.
  void manual_seed(std::uint64_t seed) {
    engine_ = MersenneTwister(static_cast<std::uint32_t>(seed));
    kept_normal_.reset();
  }

  std::uint32_t next32() { return engine_(); }
  void next32(std::span<std::uint32_t> outputs) { engine_.fill(outputs); }
  std::uint64_t next64() {
    const std::uint64_t high = next32();
    return high << 32 | next32();
  }
  std::int64_t random_int64() { return static_cast<std::int64_t>(next64() & INT64_MAX); }

  // tensor.uniform_(low, high) and tensor.normal_(mean, stddev) for float tensors.
  void uniform(std::span<real> values, double low, double high);
  void normal(std::span<real> values, double mean, double stddev);

  // torch.randperm(count)
  std::vector<int> permutation(int count);

 private:
  double uniform53() { return static_cast<double>(next64() & ((1ull << 53) - 1)) * 0x1p-53; }
  double one_normal();

  MersenneTwister engine_;
  std::optional<double> kept_normal_;
};

}  // namespace nn
