#pragma once

#include <map>
#include <memory>
#include <string>

#include "pipeline/mailbox/shared_folder.h"
#include "pipeline/members/doors.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

// What is in the folders that the ranks of a training share: files by their names.
using Files = std::map<std::string, std::string>;
using Folders = std::map<std::string, Files>;

// Folders and doors in virtual time. A fault may hide the folders from a rank, and a door answers
// if messages pass both ways and the rank's process lives.
class SimulatedPlace {
 public:
  // Everything must outlive it.
  SimulatedPlace(SimulatedNetwork& network, VirtualTime& time, Folders& folders)
      : network_(network), time_(time), folders_(folders) {}

  // As a rank sees it.
  std::unique_ptr<SharedFolder> folder(const std::string& name, int rank);
  // Of a rank's new process.
  std::unique_ptr<Doors> doors(int rank);

 private:
  class Folder;
  class RankDoors;
  struct Door {
    int rank;
    bool is_open = true;
  };
  DoorState state_of(const std::string& door, int visitor) const;

  SimulatedNetwork& network_;
  VirtualTime& time_;
  Folders& folders_;
  std::map<std::string, Door> doors_;
};

}  // namespace pipeline
