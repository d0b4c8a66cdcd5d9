#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "fl/server.h"
#include "tests/toy.h"

// Rounds on the toy problem, compared by their weights.
namespace toy {

inline constexpr bool is_float = sizeof(nn::real) == 4;

inline std::vector<nn::real> weights_after(const fl::Config& config, int rounds) {
  const data::ImageDataset images = dataset();
  fl::Server server(config, images);
  for (int i = 0; i < rounds; ++i) server.play_round();
  return {server.weights().begin(), server.weights().end()};
}

inline fl::Config with_options(const char* algorithm, fl::OptionValues options) {
  fl::Config made = config(algorithm, 2);
  made.options = std::move(options);
  return made;
}

template <class A, class B>
double largest_difference(const A& a, const B& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

}  // namespace toy
