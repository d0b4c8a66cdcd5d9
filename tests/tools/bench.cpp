#include <doctest/doctest.h>

#include <optional>
#include <sstream>

#include "nn/base/error.h"
#include "tools/bench/contestant.h"
#include "tools/bench/growth.h"
#include "tools/bench/llama.h"
#include "tools/bench/pipeline.h"
#include "tools/bench/results.h"
#include "tools/report/columns.h"
#include "tools/report/document.h"

namespace bench {

namespace {

// Returns these costs one after another, then fails.
Cost costs(std::vector<double> values) {
  return [values, next = std::size_t{0}]() mutable {
    nn::require(next < values.size(), "nothing is left");
    return values[next++];
  };
}

Result measure_quietly(const Benchmark& benchmark, int turns) {
  return measure(benchmark, turns, [](const std::string&) {});
}

Result some_result() {
  return {"b1",
          {{"B1 step, --layers auto, zb-h1", "ms", 1e3}, {"LLaMA training", "tokens/s", 768, true}},
          0.5,
          0.75,
          0.4,
          "2 threads"};
}

}  // namespace

TEST_CASE("the median is the middle value or the mean of the middle two") {
  CHECK(median({3}) == 3);
  CHECK(median({9, 1, 5}) == 5);
  CHECK(median({8, 1, 4, 2}) == 3);
  CHECK_THROWS_AS(median({}), nn::Error);
}

TEST_CASE("the cost of a benchmark is the median of its turns after the warm-up") {
  const Benchmark benchmark{
      .name = "job", .readings = {}, .ours = costs({100, 3, 1, 2}), .peers = {}};
  const Result result = measure_quietly(benchmark, 3);
  CHECK(result.cost == 2);
  CHECK_FALSE(result.ratio());
  CHECK_FALSE(result.limit_share());
}

TEST_CASE("only the peer that is cheapest in the first turn continues") {
  const Benchmark benchmark{
      .name = "job",
      .readings = {},
      .ours = costs({2, 2, 2}),
      .peers = {{"slow", costs({9})}, {"fast", costs({5, 4, 6})}, {"slower", costs({11})}},
      .limit = costs({1, 1, 1}),
      .is_warmed_up = false};
  const Result result = measure_quietly(benchmark, 3);
  CHECK(result.peer == "fast");
  CHECK(result.ratio() == 2.5);
  CHECK(result.limit_share() == 0.5);
}

TEST_CASE("a peer that fails is reported and excluded, in any turn") {
  std::vector<std::string> complaints;
  const auto complain = [&](const std::string& text) { complaints.push_back(text); };
  Benchmark benchmark{.name = "job",
                      .readings = {},
                      .ours = costs({1, 1, 1, 1}),
                      .peers = {{"broken", costs({})}, {"whole", costs({7, 7, 7, 7})}}};
  CHECK(measure(benchmark, 3, complain).peer == "whole");
  CHECK(complaints == std::vector<std::string>{"nothing is left"});
  benchmark.ours = costs({1, 1, 1, 1});
  benchmark.peers = {{"tired", costs({7, 7})}};
  benchmark.readings = {{"work", "s"}};
  const Result alone = measure(benchmark, 3, complain);
  CHECK_FALSE(alone.ratio());
  CHECK(to_table(std::vector{alone}, true).rows[0][3] == "absent");
  CHECK(complaints.size() == 2);
}

TEST_CASE("a contestant does its jobs in one separate process") {
  Contestant contestant = Contestant::ours([]() -> Contestant::Jobs {
    const auto count = std::make_shared<int>(0);
    return {{"work", [count] { ++*count; }},
            {"third", [count] { nn::require(*count == 2, "this is not the third"); }},
            {"big", [] { std::vector<char>(100'000'000, 'x'); }}};
  });
  CHECK(contestant.seconds("work") >= 0);
  CHECK(contestant.seconds("work") < 10);
  CHECK(contestant.seconds("third") < 10);
  const double before = contestant.peak_memory();
  contestant.seconds("big");
  CHECK(contestant.peak_memory() > before + 90e6);
  CHECK_THROWS_WITH_AS(contestant.seconds("none"), "Tributary failed at none", nn::Error);
}

TEST_CASE("a contestant ends when it is destroyed, whatever was started after it") {
  const auto idle = [] { return Contestant::Jobs{{"nothing", [] {}}}; };
  std::optional<Contestant> first(Contestant::ours(idle));
  CHECK(first->greeting() == "Tributary");
  Contestant second = Contestant::ours(idle);
  CHECK(second.seconds("nothing") >= 0);
  first.reset();  // waits for its process
  CHECK(second.seconds("nothing") >= 0);
}

TEST_CASE("the operations of a language model are those of its formulas") {
  CHECK(step_flops({}) == doctest::Approx(83.2e9).epsilon(0.001));
}

TEST_CASE("the pace of a pipeline is read from the last line it prints") {
  const Pace pace = read_pace(
      "model: out/checkpoint\na step takes 0.743 s; layers 2,2,2 and 1f1b on 2 cores allow 0.686 s "
      "(1.47x over one rank; reached 1.36x)\n");
  CHECK(pace.reached == 0.743);
  CHECK(pace.allowed == 0.686);
  CHECK_THROWS_AS(read_pace("step 1/9 loss 10.4\n"), nn::Error);
}

TEST_CASE("results are a table of at most 80 columns with a row per reading") {
  const std::vector results{some_result()};
  const report::Table table = to_table(results, true);
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"B1 step, --layers auto, zb-h1", "ms", "500",
                                                  "750", "1.50", "80"});
  CHECK(table.rows[1] ==
        std::vector<std::string>{"LLaMA training", "tokens/s", "1536", "1024", "1.50", "80"});
  std::istringstream text(report::to_text(table));
  for (std::string line; std::getline(text, line);) CHECK(report::display_width(line) <= 80);
}

TEST_CASE("without a peer the table has no columns for it") {
  Result result = some_result();
  result.peer_cost = std::nullopt;
  CHECK(to_table(std::vector{result}, false).rows[1] ==
        std::vector<std::string>{"LLaMA training", "tokens/s", "1536", "80"});
}

TEST_CASE("the table for the README says what it was measured on") {
  const Machine machine{
      "AMD EPYC", "OpenBLAS 0.3.21, core Zen", "Tributary 1", "PyTorch 2", "2026-11-23", 2};
  const std::string text = to_markdown(std::vector{some_result()}, machine, 209e9);
  for (const char* part :
       {"2026-11-23, 2 cores of AMD EPYC, OpenBLAS 0.3.21, core Zen, Tributary 1, PyTorch 2",
        "209 GFLOP/s, for the rest.",
        "\n| Work | Unit | Tributary | PyTorch | Ratio | Limit, % |\n",
        "\n| --- | --- | ---: | ---: | ---: | ---: |\n",
        "\n| LLaMA training | tokens/s | 1536 | 1024 | 1.50 | 80 |\n"})
    CHECK_MESSAGE(text.find(part) != text.npos, part, " in ", text);
}

TEST_CASE("growth is measured at each point and written as columns") {
  const Growth growth{
      "suite", "size", "Sizes", "Size", "Work/s", {1, 10}, {"ours", "allowed"}, [](int point) {
        return std::vector<double>{2.0 * point, 3.0 * point};
      }};
  report::LinePlot plot = measure(growth);
  CHECK(to_csv(plot) == "Size,Work/s ours,Work/s allowed\n1,2.0,3.0\n10,20.0,30.0\n");
  plot.series[1].name = "allowed by cut, schedule and cores";
  CHECK(
      to_csv(plot).starts_with("Size,Work/s ours,\"Work/s allowed by cut, schedule and cores\"\n"));
}

}  // namespace bench
