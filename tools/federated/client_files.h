#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fl/server.h"
#include "nn/files/manifest.h"

namespace federated {

// What the clients of a run keep, on the disk: a file for each round, of what its clients kept.
//
//   FOLDER/round-3.safetensors    client.17, residual.17: tensors
//
// A file never changes, and a client's state is in the newest one that has it. So a round writes
// what its own clients keep and nothing else. A checkpoint names the files that it needs, with
// their checksums, in an index. What the two newest checkpoints do not need is removed. The rest
// has outdated states, too: with n random clients a round, 1 + 1/2 + ... + 1/n states for each
// client on average.
class ClientFiles {
 public:
  explicit ClientFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Writes what clients have kept since the last time, and drops it from memory. Returns the
  // index, which is "" if no client keeps anything.
  std::string save(int round, fl::Server& server);

  // The checkpoint with the last index is complete. Removes what neither it nor the one before
  // needs.
  void complete();

  // Throws nn::InputError if a file of the index is missing or damaged.
  void check(const std::string& index) const;

  // The server's clients go on with their states in these files.
  void restore(const std::string& index, fl::Server& server);

 private:
  std::filesystem::path folder_;
  std::vector<nn::SavedFile> files_, previous_;  // oldest first
};

// The number of a tensor such as "client.7", below `end`; nothing if it has another name, such as
// "client.07", which would be a second one for the same client.
std::optional<int> number_of(const std::string& tensor, std::string_view name, int end);

}  // namespace federated
