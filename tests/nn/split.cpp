#include "nn/base/split.h"

#include <doctest/doctest.h>

using Parts = std::vector<std::string>;

TEST_CASE("a text is split into one more part than it has separators") {
  CHECK(nn::split("", ',') == Parts{""});
  CHECK(nn::split("a", ',') == Parts{"a"});
  CHECK(nn::split("a,bc", ',') == Parts{"a", "bc"});
  CHECK(nn::split(",a,,", ',') == Parts{"", "a", "", ""});
}

TEST_CASE("parts are joined with a separator, and another one before the last if wanted") {
  CHECK(nn::join({}) == "");
  CHECK(nn::join({"a"}, ", ", " or ") == "a");
  CHECK(nn::join({"a", "b"}, ", ", " or ") == "a or b");
  CHECK(nn::join({"a", "b", "c"}, ", ", " or ") == "a, b or c");
  CHECK(nn::join({"a", "", "c"}) == "a, , c");
  for (const Parts& parts : {Parts{""}, Parts{"a", "b"}, Parts{"", "", "x"}})
    CHECK(nn::split(nn::join(parts, ","), ',') == parts);
}
