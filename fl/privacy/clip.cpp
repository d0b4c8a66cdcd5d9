#include "fl/privacy/clip.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fl {

double clip_factor(std::span<const nn::real> values, double bound) {
  double squares = 0;
  for (nn::real value : values) squares += static_cast<double>(value) * value;
  return std::min(1.0, bound / std::sqrt(squares));
}

void add_noise(std::span<nn::real> values, double stddev, nn::Generator& generator) {
  if (stddev == 0) return;
  std::vector<nn::real> noise(values.size());
  generator.normal(noise, 0, stddev);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
}

}  // namespace fl
