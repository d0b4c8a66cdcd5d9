#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

namespace pipeline {

// Numbers that a seed decides, the same with every standard library.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int below(int end) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(end)); }
  bool one_in(int n) { return below(n) == 0; }
  std::chrono::microseconds up_to(std::chrono::microseconds most) {
    return std::chrono::microseconds(engine_() % (most.count() + 1));
  }
  template <class Value>
  Value one_of(const std::vector<Value>& values) {
    return values[below(static_cast<int>(values.size()))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace pipeline
