#pragma once

#include <map>
#include <memory>
#include <string>

#include "pipeline/mailbox/shared_folder.h"
#include "pipeline/members/ports.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

// What is in the folders that the ranks of a training share: files by their names.
using Files = std::map<std::string, std::string>;
using Folders = std::map<std::string, Files>;

// Folders and ports in virtual time. A fault may hide the folders from a rank, and a port answers
// if messages pass both ways and the rank's process lives.
class SimulatedPlace {
 public:
  // Everything must outlive it.
  SimulatedPlace(SimulatedNetwork& network, VirtualTime& time, Folders& folders)
      : network_(network), time_(time), folders_(folders) {}

  // As a rank sees it.
  std::unique_ptr<SharedFolder> folder(const std::string& name, int rank);
  // Of a rank's new process.
  std::unique_ptr<Ports> ports(int rank);

 private:
  class Folder;
  class RankPorts;
  struct Port {
    int rank;
    bool is_open = true;
  };
  PortState state_of(const std::string& port, int from) const;

  SimulatedNetwork& network_;
  VirtualTime& time_;
  Folders& folders_;
  std::map<std::string, Port> ports_;
};

}  // namespace pipeline
