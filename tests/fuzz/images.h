#pragma once

#include <numeric>
#include <vector>

#include "data/images/images.h"
#include "tests/fuzz/fuzz.h"

namespace fuzz {

// The assumptions of training: a batch of all images can be made, and there are 10 classes.
inline void expect_usable(const data::ImageSet& set) {
  std::vector<int> samples(set.size()), labels(set.size());
  std::iota(samples.begin(), samples.end(), 0);
  std::vector<nn::real> images(set.pixels.size());
  set.copy_batch(samples, images.data(), labels);
  for (const int label : labels) expect(label < 10, "a label is below 10");
}

}  // namespace fuzz
