#include "fl/defences/defences.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fl/attacks/attacks.h"
#include "fl/defences/aggregation.h"
#include "fl/server.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tests/fl/updates.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference;
using updates::aggregate, updates::Outcome, updates::random_rows, updates::Rows, updates::small,
    updates::config_with, updates::suited;

}  // namespace

TEST_CASE("every defence gives NumPy's result") {
  const auto cases = nlohmann::json::parse(nn::read_file("tests/golden/defences.json"));
  std::set<std::string> compared;
  for (const auto& golden : cases)
    for (const auto& expected : golden["results"]) {
      const std::string name = expected["defence"];
      CAPTURE(name);
      CAPTURE(expected["options"].dump());
      const fl::Config config = config_with(name, expected["options"]);
      const auto defence = config.defence->make(config);
      Outcome got;
      for (int round = 0; round < expected["rounds"]; ++round)
        got = aggregate(*defence, golden["updates"], golden["weights"]);
      CHECK(got.result.size() == expected["result"].size());
      for (std::size_t i = 0; i < got.result.size(); ++i)
        CHECK(got.result[i] ==
              doctest::Approx(expected["result"][i].get<double>()).epsilon(is_float ? 1e-4 : 1e-6));
      std::vector<int> selected = expected["selected"];
      for (int& client : selected) client += 10;
      CHECK(got.selected == selected);
      compared.insert(name);
    }
  for (const fl::DefenceEntry& defence : fl::defence_table())
    CHECK(compared.contains(std::string(defence.name)) == !defence.is_private);
}

TEST_CASE("every defence beats the mean where one client in six sends the opposite") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("fedavg", 2);
  config.attack = fl::find_attack("reversion");
  config.malicious.clients = {1, 8};
  const auto accuracy = [&](fl::OptionValues options) {
    config.options = std::move(options);
    config.options["attack-scale"] = -20;
    fl::Server server(config, dataset);
    double last = 0;
    for (int round = 0; round < 12; ++round) last = server.play_round().accuracy;
    return last;
  };
  const double undefended = accuracy({});
  for (const fl::DefenceEntry& defence : fl::defence_table()) {
    CAPTURE(defence.name);
    if (defence.is_private) continue;
    config.defence = &defence;
    CHECK(accuracy(suited(defence, small)) > undefended);
  }
}

TEST_CASE("a defence that trims, clips and weighs nothing is the mean") {
  const Rows rows = random_rows(7, 9, 0.1);
  const std::vector<int> weights{3, 1, 4, 1, 5, 9, 2};
  fl::WeightedMean mean;
  const std::vector<real> expected = aggregate(mean, rows, weights).result;
  const auto is_mean = [&](const char* defence, const fl::OptionValues& options) {
    CAPTURE(defence);
    CHECK(largest_difference(aggregate(defence, options, rows, weights).result, expected) <
          (is_float ? 1e-6 : 1e-14));
  };
  is_mean("trimmed-mean", {{"trim", 0}});
  is_mean("clip", {{"clip-ratio", 100}});
  is_mean("centered-clip", {{"clip-radius", 100}});
  is_mean("sparsefed", {{"clip-ratio", 100}, {"top-k", 1}});
  is_mean("geometric-median", {{"iterations", 1}, {"smoothing", 1}});
}

TEST_CASE("setting a defence's option to its preset changes nothing, and another value does") {
  Rows rows =
      random_rows(30, 20, 0.4);  // 14 around 0, 16 close to 1, and one of the former between
  for (int i = 14; i < 30; ++i)
    for (real& value : rows[i]) value = 1 + value / 10;
  std::ranges::fill(rows[0], real(0.5));
  const fl::OptionValues others{{"byzantine", 13}, {"iterations", 7}, {"smoothing", 1}};
  for (const fl::DefenceEntry& defence : fl::defence_table()) {
    CAPTURE(defence.name);
    if (defence.is_private) continue;
    const auto presets =
        fl::with_presets(std::vector{fl::OptionUser{defence.name, defence.options}}, {});
    const Outcome usual = aggregate(defence.name, {}, rows);
    CHECK(aggregate(defence.name, presets, rows) == usual);
    for (const fl::Option& option : defence.options) {
      CAPTURE(option.name);
      CHECK(option.lowest <= option.preset);
      CHECK(option.preset <= option.highest);
      fl::OptionValues other = presets;
      const auto found = others.find(option.name);
      other[std::string(option.name)] = found == others.end() ? option.preset / 2 : found->second;
      CHECK(aggregate(defence.name, other, rows) != usual);
    }
  }
}

TEST_CASE("a round that is too small for a defence is refused, with the inequality") {
  const data::ImageDataset dataset = toy::dataset();
  const auto complaint = [&](const char* defence, fl::OptionValues options, int clients = 20) {
    fl::Config config = toy::config("fedavg");
    config.clients = clients, config.fraction = 1;
    config.defence = fl::find_defence(defence);
    config.options = std::move(options);
    return complaint_of([&] { fl::Server(config, dataset); });
  };
  CHECK(complaint("krum", {{"byzantine", 8}}) == "nothing");
  CHECK(complaint("krum", {{"byzantine", 9}}) ==
        "krum needs n >= 2 f + 3: a round has n = 20 clients, --byzantine is f = 9");
  CHECK(complaint("krum", {{"byzantine", 0}}, 1) ==
        "krum needs n >= 2 f + 3: a round has n = 1 client, --byzantine is f = 0");
  CHECK(complaint("multi-krum", {}) == "nothing");
  CHECK(complaint("multi-krum", {{"keep", 15}}) ==
        "multi-krum needs n >= keep + f + 1: a round has n = 20 clients, --keep is 15, "
        "--byzantine is f = 5");
  CHECK(complaint("bulyan", {}) == "nothing");
  CHECK(contains(complaint("bulyan", {{"keep", 15}}), "bulyan needs n >= keep + f + 1"));
  CHECK(complaint("bulyan", {{"trim", 0.5}}) ==
        "bulyan needs 2 int(n trim) < n: of n = 14 updates --trim 0.5 leaves none");
  CHECK(contains(complaint("trimmed-mean", {{"trim", 0.5}}), "of n = 20 updates --trim 0.5"));
  CHECK(complaint("trimmed-mean", {{"trim", 0.5}}, 19) == "nothing");
  CHECK(complaint("trimmed-mean", {{"trim", 0.6}}) == "--trim: 0.6 is not a number from 0 to 0.5");
}
