#include <doctest/doctest.h>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/files/engine.h"

TEST_CASE("the engine says what its results depend on, each fact in one line") {
  const nn::Metadata facts = nn::describe_engine();
  CHECK(facts.size() == 5);
  for (const auto& [name, fact] : facts) {
    CHECK(!fact.empty());
    CHECK(fact.find('\n') == fact.npos);
  }
  CHECK(facts.at("precision") == (sizeof(nn::real) == 4 ? "float" : "double"));
  CHECK(facts.at("blas").starts_with("OpenBLAS "));
  CHECK(facts.at("blas-core") == nn::blas::core_name());
}

TEST_CASE("differences from the engine that made a file are reported, except for the commit") {
  nn::Metadata facts = nn::describe_engine();
  facts["step"] = "7";
  CHECK(nn::engine_differences(facts).empty());
  CHECK(nn::engine_differences({}).empty());
  facts["engine"] = "another";
  facts["blas-core"] = "Other";
  CHECK(nn::engine_differences(facts) ==
        std::vector{nn::concat("blas-core Other, here it is ", nn::blas::core_name())});
}
