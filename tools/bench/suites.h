#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tools/bench/job.h"
#include "tools/bench/peak.h"

namespace bench {

// What jobs need to know. PyTorch is tried in each of these ways; none where it is not to be had.
struct Setting {
  int threads = 1;
  std::vector<PeerWay> peer_ways;
  Peak* peak = nullptr;
};

// Jobs on the same kind of work; their processes live as long as they do.
struct Suite {
  std::string_view name;
  std::vector<Job> (*jobs)(const Setting& setting);
};
std::span<const Suite> suite_table();

std::vector<Job> cnn_jobs(const Setting& setting);
std::vector<Job> federated_jobs(const Setting& setting);
std::vector<Job> start_jobs(const Setting& setting);
std::vector<Job> llama_jobs(const Setting& setting);
std::vector<Job> pipeline_jobs(const Setting& setting);

// One peer for each way, all of whose jobs are in one process: cost(contestant) has it do one of
// them.
class Peers {
 public:
  Peers(const Setting& setting, const std::string& script, const std::string& argument = "");
  std::vector<Peer> at(const std::function<double(Contestant&)>& cost) const;

 private:
  std::vector<std::pair<PeerWay, std::shared_ptr<Contestant>>> contestants_;
};

}  // namespace bench
