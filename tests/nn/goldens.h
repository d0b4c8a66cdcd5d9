#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "nn/base/file.h"

// What PyTorch and NumPy computed; see the scripts in tests/golden.
namespace tests {

inline nlohmann::json goldens(const std::string& file, const char* key) {
  const auto all = nlohmann::json::parse(nn::read_file("tests/golden/" + file));
  REQUIRE(!all[key].empty());
  return all[key];
}

inline std::uint64_t seed_of(const nlohmann::json& golden) {
  const nlohmann::json& seed = golden["seed"];
  return seed.is_number_unsigned() ? seed.get<std::uint64_t>()
                                   : static_cast<std::uint64_t>(seed.get<std::int64_t>());
}

}  // namespace tests
