#include <doctest/doctest.h>

#include "nn/blas.h"
#include "nn/engine.h"

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
