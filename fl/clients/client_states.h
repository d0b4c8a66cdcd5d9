#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nn/real.h"

namespace fl {

// What the clients keep between rounds: a vector for each client that has kept one. It is in memory
// until it has been saved, then only on the disk, from where it is read when its client is chosen.
// So the memory of a run that is saved every round grows neither with its clients nor with their
// states, and that of another with the clients that were chosen, not with all there are.
class ClientStates {
 public:
  // Empty if the client keeps nothing. Several threads may read. Throws nn::InputError if the file
  // cannot be read.
  std::vector<nn::real> of(int client) const;

  void keep(int client, std::vector<nn::real> state);

  // The client's state is this tensor of a safetensors file, and no longer in memory. The file must
  // stay.
  void leave_on_disk(int client, std::filesystem::path file, std::string tensor);

  const std::map<int, std::vector<nn::real>>& in_memory() const { return in_memory_; }
  bool has_states_in(const std::filesystem::path& file) const { return files_.contains(file); }

 private:
  struct Place {
    std::filesystem::path file;
    std::string tensor;
  };
  void forget_place(int client);

  std::map<int, std::vector<nn::real>> in_memory_;
  std::map<int, Place> on_disk_;                // of other clients
  std::map<std::filesystem::path, int> files_;  // how many states each has
};

}  // namespace fl
