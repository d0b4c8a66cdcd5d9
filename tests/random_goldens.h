#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "nn/base/file.h"

// Numbers drawn by PyTorch (tests/golden/make_random.py).
namespace golden {

using nlohmann::json;

inline json goldens(const char* key) {
  const json all = json::parse(nn::read_file("tests/golden/random.json"));
  REQUIRE(!all[key].empty());
  return all[key];
}

inline std::uint64_t seed_of(const json& golden) {
  const json& seed = golden["seed"];
  return seed.is_number_unsigned() ? seed.get<std::uint64_t>()
                                   : static_cast<std::uint64_t>(seed.get<std::int64_t>());
}

}  // namespace golden
