#include <doctest/doctest.h>

#include "tools/program/nearest.h"

TEST_CASE("a mistyped word finds the candidate that was meant") {
  const std::vector<std::string> options{"--fraction", "--rounds", "--split", "--lr"};
  CHECK(tools::nearest("--frac", options) == "--fraction");
  CHECK(tools::nearest("--round", options) == "--rounds");
  CHECK(tools::nearest("--spilt", options) == "--split");
  CHECK(tools::nearest("--lrr", options) == "--lr");
}

TEST_CASE("a word unlike any candidate finds none") {
  CHECK(tools::nearest("--threads", {"--fraction", "--rounds"}) == "");
  CHECK(tools::nearest("--lr", {}) == "");
}
