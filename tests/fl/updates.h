#pragma once

#include <doctest/doctest.h>

#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/config.h"
#include "fl/defences/aggregation.h"
#include "fl/defences/defences.h"
#include "nn/random.h"

// Made-up updates, and a defence's aggregate of them.
namespace updates {

using nn::real;
using Rows = std::vector<std::vector<real>>;

inline fl::Config config_with(std::string_view defence, fl::OptionValues options = {}) {
  fl::Config config;
  config.algorithm = fl::find_algorithm("fedavg");
  config.defence = fl::find_defence(defence);
  REQUIRE(config.defence);
  config.options = std::move(options);
  return config;
}

// The subset of the values that are options of the defence.
inline fl::OptionValues suited(const fl::DefenceEntry& defence, const fl::OptionValues& values) {
  fl::OptionValues options;
  for (const fl::Option& option : defence.options)
    if (const auto found = values.find(option.name); found != values.end()) options.insert(*found);
  return options;
}

struct Outcome {
  std::vector<real> result;
  std::vector<int> selected;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// One round with updates of the clients 10, 11 ...; `missing` is the weight of excluded clients.
inline Outcome aggregate(fl::Aggregation& defence, const Rows& rows, std::vector<int> weights = {},
                         int missing = 0) {
  weights.resize(rows.size(), 1);
  const int sum = std::accumulate(weights.begin(), weights.end(), missing);
  defence.start(0);
  for (std::size_t i = 0; i < rows.size(); ++i)
    defence.add({static_cast<int>(10 + i), rows[i], weights[i], sum});
  const auto result = defence.result();
  return {{result.begin(), result.end()}, defence.selected()};
}

inline Outcome aggregate(std::string_view defence, fl::OptionValues options, const Rows& rows,
                         std::vector<int> weights = {}, int missing = 0) {
  const fl::Config config = config_with(defence, std::move(options));
  return aggregate(*config.defence->make(config), rows, std::move(weights), missing);
}

// Numbers from -range to range.
inline Rows random_rows(int count, int size, double range = 1) {
  nn::Generator generator(3);
  Rows rows(count, std::vector<real>(size));
  for (auto& row : rows)
    for (real& value : row)
      value = static_cast<real>(range * (generator.next32() % 2001 / 1000.0 - 1));
  return rows;
}

// Options with which every defence accepts the six clients of a toy round.
inline const fl::OptionValues small{{"byzantine", 1}, {"keep", 3}, {"trim", 0.2}};

}  // namespace updates
