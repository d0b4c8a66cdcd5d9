#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace nn {

// MT19937 (Matsumoto and Nishimura 1998), with the outputs of std::mt19937. Makes 624 of them at a
// time, in loops that compilers vectorise.
class MersenneTwister {
 public:
  explicit MersenneTwister(std::uint32_t seed);

  std::uint32_t operator()() {
    if (next_ == length) make_outputs();
    return outputs_[next_++];
  }
  // The next outputs, as if by one call for each.
  void fill(std::span<std::uint32_t> outputs);

 private:
  static constexpr int length = 624;
  void make_outputs();

  std::array<std::uint32_t, length> state_, outputs_;
  int next_ = length;
};

}  // namespace nn
