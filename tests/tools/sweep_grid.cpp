#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tools/federated/sweep.h"

using Words = std::vector<std::string>;

TEST_CASE("lists of a sweep are combined, the last one fastest") {
  const auto runs = federated::grid({{"N", {"10"}}, {"lr", {"0.1", "0.2"}}, {"seed", {"1", "2"}}});
  REQUIRE(runs.size() == 4);
  CHECK(runs[1].arguments == Words{"-N", "10", "--lr", "0.1", "--seed", "2"});
  CHECK(runs[2].name() == "lr=0.2,seed=1");
}

TEST_CASE("a list of columns is one value of a run, and lists of them are several") {
  for (const Words& one : {Words{"sex", "cp"}, Words{"sex,cp"}}) {
    const auto runs = federated::grid({{"categorical", one}});
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].arguments == Words{"--categorical", "sex,cp"});
    CHECK(runs[0].name() == "run");
  }
  const auto runs = federated::grid({{"categorical", {"sex,cp", "sex"}}});
  REQUIRE(runs.size() == 2);
  CHECK(runs[1].arguments == Words{"--categorical", "sex"});
  CHECK(runs[0].name() == "categorical=sex,cp");
}

TEST_CASE("runs of a sweep that would share a folder are refused") {
  CHECK_THROWS_WITH(federated::grid({{"data", {"a/b", "a_b"}}}),
                    "two runs would have the folder data=a_b");
  CHECK_THROWS_WITH(federated::grid({{"data", {"a\n", "a\n"}}}), "data has a\\n twice");
}
