#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tools/bench/benchmark.h"
#include "tools/bench/peak.h"

namespace bench {

// Options of all benchmarks. PyTorch is tried in each of `peer_ways`: none if not installed.
struct SuiteOptions {
  int threads = 1;
  std::vector<PeerWay> peer_ways;
  Peak* peak = nullptr;
};

// Benchmarks of one kind of work. Their processes end with them.
struct Suite {
  std::string_view name;
  std::vector<Benchmark> (*benchmarks)(const SuiteOptions& options);
};
std::span<const Suite> suite_table();

std::vector<Benchmark> cnn_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> model_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> federated_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> simulator_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> start_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> llama_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> gpt2_benchmarks(const SuiteOptions& options);
std::vector<Benchmark> pipeline_benchmarks(const SuiteOptions& options);

// One process of PyTorch for each way; cost(contestant) makes it do one of its jobs.
class Peers {
 public:
  Peers(const SuiteOptions& options, const std::string& script, const std::string& argument = "");
  std::vector<Peer> at(const std::function<double(Contestant&)>& cost) const;

 private:
  std::vector<std::pair<PeerWay, std::shared_ptr<Contestant>>> contestants_;
};

}  // namespace bench
