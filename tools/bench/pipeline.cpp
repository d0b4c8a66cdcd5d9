#include "tools/bench/pipeline.h"

#include <regex>

#include "nn/base/error.h"
#include "tools/bench/command.h"
#include "tools/bench/suites.h"
#include "tools/program/temporary_folder.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

constexpr int steps = 9;       // the first does not count
constexpr int peer_steps = 8;  // of tools/bench/peers/pipeline.py

Benchmark benchmark_of(const std::string& name, const std::string& text,
                       const std::vector<std::string>& arguments) {
  const auto last = std::make_shared<Pace>();
  return {.name = name,
          .readings = {{text, "ms", 1e3}},
          .ours =
              [=] {
                *last = run_pipeline(arguments);
                return last->reached;
              },
          .peers = {},
          .limit = [last] { return last->allowed; },
          .is_warmed_up = false};
}

}  // namespace

Pace read_pace(const std::string& output) {
  static const std::regex line("a step takes ([0-9.]+) s; .* allow ([0-9.]+) s");
  std::smatch found;
  nn::require(std::regex_search(output, found, line), "tools/pipeline.sh did not report its pace");
  return {std::stod(found[1]), std::stod(found[2])};
}

Pace run_pipeline(const std::vector<std::string>& arguments) {
  const tools::TemporaryFolder folder;
  std::vector<std::string> command{"env", "BIN=" + program("").string(),
                                   project::folder() / "tools/pipeline.sh"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"--steps", std::to_string(steps), "--checkpoint-every", "0",
                                 "--out", folder.path});
  return read_pace(run(command).output);
}

std::vector<Benchmark> pipeline_benchmarks(const SuiteOptions& options) {
  Benchmark same = benchmark_of("b1", "B1 step, 3 processes, cut 2,2,2", {"3"});
  same.peers = Peers(options, "pipeline.py").at([](Contestant& peer) {
    return peer.seconds("steps") / peer_steps;
  });
  return {same, benchmark_of("b1-auto", "B1 step, --layers auto, zb-h1",
                             {"3", "--layers", "auto", "--schedule", "zb-h1"})};
}

}  // namespace bench
