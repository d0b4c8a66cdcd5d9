// bin/bench: the engine's speed, compared with the machine's peak and with PyTorch on the same
// work, and how its costs grow.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/split.h"
#include "tools/bench/benchmark.h"
#include "tools/bench/contestant.h"
#include "tools/bench/growth.h"
#include "tools/bench/machine.h"
#include "tools/bench/peak.h"
#include "tools/bench/profiles.h"
#include "tools/bench/results.h"
#include "tools/bench/suites.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/report/columns.h"
#include "tools/report/document.h"

namespace {

struct CommandLine {
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency())), turns = 3;
  std::vector<std::string> only;
  std::string json, growth;
  bool is_alone = false, is_markdown = false;
};

// The suites or single benchmarks that --only names; all of them without it.
class Choice {
 public:
  explicit Choice(const CommandLine& line) : names_(line.only) {}

  bool has(const std::string& suite, const std::string& name) {
    known_.insert({suite, name});
    return names_.empty() || std::ranges::count(names_, suite) || std::ranges::count(names_, name);
  }
  // Throws nn::InputError for a name that has() was never asked about.
  void require_known() const {
    const std::string list = nn::join({known_.begin(), known_.end()});
    for (const std::string& name : names_)
      if (!known_.contains(name)) throw nn::InputError("there is no job " + name, "choose " + list);
  }

 private:
  std::vector<std::string> names_;
  std::set<std::string> known_;
};

// PyTorch's name and version; empty if it is not installed.
std::string find_peer() {
  try {
    return bench::Contestant::peer("serve.py", {}).greeting();
  } catch (const nn::Error&) {
    std::cerr << "python3 has no torch or numpy: measuring without PyTorch\n";
    return "";
  }
}

// The processes of a suite end with it.
std::vector<bench::Result> measure(std::vector<std::vector<bench::Benchmark>> suites, int turns) {
  std::vector<bench::Result> results;
  for (std::vector<bench::Benchmark>& suite : suites) {
    for (const bench::Benchmark& benchmark : suite) {
      std::cerr << "measuring " << benchmark.name << '\n';
      results.push_back(bench::measure(benchmark, turns, [](const std::string& complaint) {
        std::cerr << complaint << ": excluded\n";
      }));
    }
    suite.clear();
  }
  return results;
}

void compare(const CommandLine& line) {
  if (!line.json.empty()) nn::require_writable_file(line.json);
  bench::Peak peak(line.threads);
  bench::SuiteOptions options{line.threads, {}, &peak};
  const std::string peer = line.is_alone ? "" : find_peer();
  if (!peer.empty()) options.peer_ways = {{1, false}};
  if (!peer.empty() && line.threads > 1)
    options.peer_ways.insert(options.peer_ways.end(),
                             {{line.threads, false}, {line.threads, true}});

  Choice choice(line);
  std::vector<std::vector<bench::Benchmark>> suites;
  for (const bench::Suite& suite : bench::suite_table())
    std::erase_if(suites.emplace_back(suite.benchmarks(options)), [&](const bench::Benchmark& b) {
      return !choice.has(std::string(suite.name), b.name);
    });
  choice.require_known();

  const bench::Machine machine = bench::describe_machine(peer);
  const std::vector<bench::Result> results = measure(std::move(suites), line.turns);
  if (line.is_markdown)
    std::cout << bench::to_markdown(results, machine, peak.best());
  else
    std::cout << report::to_text(bench::to_table(results, !peer.empty()))
              << report::wrap(bench::describe(machine, peak.best()), 80) << '\n';
  if (!line.json.empty())
    nn::write_file_atomically(line.json, bench::to_json(results, machine, peak.best()));
}

// Writes growth-NAME.csv to the folder for each, and growth-NAME.svg if it is a curve.
void draw_growth(const CommandLine& line) {
  Choice choice(line);
  std::vector<bench::Growth> curves = bench::growth_table(line.threads);
  std::erase_if(curves, [&](const bench::Growth& g) { return !choice.has(g.suite, g.name); });
  std::vector<bench::Profile> profiles;
  for (const bench::Profile& profile : bench::profile_table())
    if (choice.has(std::string(profile.suite), std::string(profile.name)))
      profiles.push_back(profile);
  choice.require_known();
  nn::require_writable_folder(line.growth);
  const auto file = [&](std::string_view name, const char* kind) {
    return std::filesystem::path(line.growth) / nn::concat("growth-", name, kind);
  };
  for (const bench::Profile& profile : profiles) {
    std::cerr << "measuring " << profile.name << '\n';
    const report::Table table = profile.measure(line.threads);
    nn::write_file_atomically(file(profile.name, ".csv"), bench::to_csv(table));
    std::cout << report::to_text(table) << std::endl;
  }
  for (const bench::Growth& growth : curves) {
    std::cerr << "measuring " << growth.name << '\n';
    const report::LinePlot plot = bench::measure(growth);
    nn::write_file_atomically(file(growth.name, ".csv"), bench::to_csv(plot));
    nn::write_file_atomically(file(growth.name, ".svg"), report::to_svg(plot));
    std::cout << report::to_text(plot) << std::endl;
  }
}

int run(int argc, char** argv) {
  CommandLine line;
  tools::Options options("bench",
                         "The engine's speed, next to the machine's and to PyTorch's. If the "
                         "environment variable LLMC names a clone of karpathy/llm.c in which `make "
                         "train_gpt2` has run, gpt2-llmc is compared with that.");
  options.add("--only", line.only, "jobs or suites, separated by commas; without it, all")
      .separated_by(',');
  options.add("--threads", line.threads, "threads of the engine, all cores").between(1, 1024);
  options.add("--turns", line.turns, "how often each side runs each job").between(1, 1000);
  options.add("--json", line.json, "file for the figures").not_empty();
  options.add("--markdown", line.is_markdown, "print the table as Markdown, for the README");
  options.add("--alone", line.is_alone, "measure without PyTorch and programs based on it");
  options.add("--growth", line.growth, "measure how costs grow instead; folder for the curves")
      .not_empty();
  options.parse(argc, argv);

  std::signal(SIGPIPE, SIG_IGN);  // a peer that dies is reported as an error
  line.growth.empty() ? compare(line) : draw_growth(line);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run(argc, argv); });
}
