#include "pipeline/prediction/medians.h"

#include <doctest/doctest.h>

#include <vector>

namespace pipeline {

TEST_CASE("medians are those of each column, and disturbed rows hardly change them") {
  Medians medians;
  CHECK(medians.values().empty());
  medians.add({3, 10});
  CHECK(medians.values() == std::vector<double>{3, 10});
  medians.add({1, 20});
  CHECK(medians.values() == std::vector<double>{2, 15});
  medians.add({1000, 12});
  CHECK(medians.values() == std::vector<double>{3, 12});
  medians.add({2, 11});
  CHECK(medians.values() == std::vector<double>{2.5, 11.5});
}

TEST_CASE("medians are those of the last thousand rows") {
  Medians medians;
  for (int i = 0; i < 1000; ++i) medians.add({0});
  for (int i = 0; i < 499; ++i) medians.add({1});
  CHECK(medians.values() == std::vector<double>{0});
  medians.add({1});
  CHECK(medians.values() == std::vector<double>{0.5});
  for (int i = 0; i < 500; ++i) medians.add({1});
  CHECK(medians.values() == std::vector<double>{1});
}

}  // namespace pipeline
