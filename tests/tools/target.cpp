#include "tools/federated/target.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tools/federated/results.h"
#include "tools/federated/run_json.h"
#include "tools/federated/sweep_report.h"
#include "tools/federated/sweep_results.h"
#include "tools/program/temporary_folder.h"

namespace {

federated::Run run_with(const std::vector<double>& accuracies, std::optional<double> target = {}) {
  federated::Run run;
  run.experiment.target = target;
  for (double accuracy : accuracies) {
    fl::Round& round = run.rounds.emplace_back();
    round.number = static_cast<int>(run.rounds.size());
    round.accuracy = accuracy;
    round.measures = {{"Class 0", accuracy - 1}, {"Class 1", accuracy + 1}};
  }
  return run;
}

// A sweep of two configurations with three seeds; a timed round takes 10 simulated seconds. Returns
// what is printed.
std::string report_on(const std::filesystem::path& folder, bool is_timed) {
  const federated::Sweep sweep{
      federated::grid({{"target", {"90"}}, {"lr", {"0.1", "0.2"}}, {"seed", {"1", "2", "3"}}}),
      folder, 1};
  const std::vector<std::vector<double>> accuracies{{80, 91}, {95, 96}, {80, 85},
                                                    {10, 20}, {10, 30}, {10, 40}};
  for (std::size_t i = 0; i < accuracies.size(); ++i) {
    federated::Run run = run_with(accuracies[i]);
    for (fl::Round& round : run.rounds)
      if (is_timed) round.measures["Simulated seconds"] = 10.0 * round.number;
    const auto place = folder / "runs" / sweep.runs[i].name();
    std::filesystem::create_directories(place);
    nn::write_file_atomically(place / federated::run_table,
                              federated::to_full_csv(std::vector{run}));
  }
  std::ostringstream printed;
  std::streambuf* const before = std::cout.rdbuf(printed.rdbuf());
  federated::write_sweep_report(sweep);
  std::cout.rdbuf(before);
  return printed.str();
}

// Its header, and its two rows.
std::array<std::string, 3> summary_in(const std::filesystem::path& folder) {
  std::istringstream summary(nn::read_file(folder / "summary.csv"));
  std::array<std::string, 3> lines;
  for (std::string& line : lines) std::getline(summary, line);
  return lines;
}

}  // namespace

TEST_CASE("a target is reached by the first round that is as good, whatever follows") {
  CHECK(federated::rounds_to(90, std::vector<double>{80, 90, 85, 95}) == 2);
  CHECK(federated::rounds_to(90.1, std::vector<double>{80, 90, 85, 95}) == 4);
  CHECK(federated::rounds_to(10, std::vector<double>{80}) == 1);
  CHECK(!federated::rounds_to(96, std::vector<double>{80, 90, 85, 95}));
  CHECK(!federated::rounds_to(0, std::vector<double>{}));
}

TEST_CASE("a run says when it reached its target, in a line and in its JSON") {
  federated::Run run = run_with({80, 90, 95}, 89.5);
  CHECK(federated::target_text(run) == "89.5 % is reached in round 2");
  run.rounds[1].measures["Simulated seconds"] = 12.5;
  CHECK(federated::target_text(run) ==
        "89.5 % is reached in round 2, after 12.50 simulated seconds");
  CHECK(federated::json_of(run).at("target").dump() == R"({"accuracy":89.5,"round":2})");
  run.experiment.target = 96;
  CHECK(federated::target_text(run) == "96 % is not reached in 3 rounds");
  CHECK(federated::json_of(run).at("target").at("round").is_null());
  run.experiment.target.reset();
  CHECK(!federated::json_of(run).contains("target"));
}

TEST_CASE("a target is not part of a run's identity") {
  CHECK(federated::describe(run_with({}, 97).experiment) ==
        federated::describe(run_with({}).experiment));
}

TEST_CASE("a sweep's report counts the rounds until the target over the seeds that reach it") {
  const tools::TemporaryFolder folder;
  const std::string printed = report_on(folder.path, /*is_timed=*/false);
  const auto [header, first, second] = summary_in(folder.path);
  CHECK(header.ends_with(",Reached,Rounds to target,Rounds deviation"));
  CHECK(first.starts_with("0.1,3,"));
  CHECK(contains(first, ",2,1.5,0.707106781186"));
  CHECK(second.ends_with(",0,,"));
  CHECK(contains(printed, "2 of 3"));
  CHECK(contains(printed, "not reached"));
  const std::string report = nn::read_file(folder.path / "report.html");
  CHECK(contains(report, "Class 1"));
  CHECK(contains(report, "31.00"));  // of 20, 30 and 40, and one more
}

TEST_CASE("with a clock a sweep's summary has the simulated seconds until the target") {
  const tools::TemporaryFolder folder;
  CHECK(contains(report_on(folder.path, /*is_timed=*/true), "Simulated seconds"));
  const auto [header, first, second] = summary_in(folder.path);
  CHECK(header.ends_with(",Rounds deviation,Seconds to target,Seconds deviation"));
  CHECK(contains(first, ",2,1.5,0.707106781186"));
  CHECK(contains(first, ",15.0,7.07106781186"));  // 20 and 10
  CHECK(second.ends_with(",0,,,,"));
}
