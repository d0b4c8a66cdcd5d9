#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "fl/server.h"
#include "nn/base/folder_lock.h"
#include "nn/files/checkpoint_folder.h"
#include "tools/federated/client_files.h"

namespace federated {

// A run on the disk, saved after every round, so that whatever ends it, even a loss of power, it
// can go on to the same bits:
//
//   FOLDER/step-3/weights.safetensors    the server's, after round 3
//   FOLDER/step-3/rounds.txt             what the rounds 1 to 3 gave
//   FOLDER/step-3/state.safetensors      what the server keeps, if anything: the algorithm's
//                                        server.m, say, the defence's defence.centre, and version.2
//                                        for clients in flight that started after round 2
//   FOLDER/step-3/clients.txt            where its clients' states are, if they keep any
//   FOLDER/clients/round-3.safetensors   what the clients of round 3 keep (client_files.h)
//
// All else follows from the configuration and the number of the round. The folder is one run's at a
// time.
class SavedRun {
 public:
  // Warnings about damaged checkpoints go to `log`. Throws nn::InputError if another run has the
  // folder.
  SavedRun(const std::filesystem::path& folder, bool may_resume, std::ostream& log);

  // Lets the server, which has played no round, go on after the newest checkpoint that is whole,
  // and returns the rounds up to it: none if there is no checkpoint. `run` says in one line all
  // that the numbers depend on. Throws nn::InputError if the folder has another run, or one that
  // may not be resumed.
  std::vector<fl::Round> restore(const std::string& run, fl::Server& server);

  void save(const std::string& run, const std::vector<fl::Round>& rounds, fl::Server& server);

 private:
  std::filesystem::path path_;
  nn::FolderLock lock_;
  nn::CheckpointFolder folder_;
  ClientFiles clients_;
  bool may_resume_;
  std::ostream& log_;
};

// Rounds as text, one or more lines each, and back to the last bit.
std::string to_text(const std::vector<fl::Round>& rounds);
std::vector<fl::Round> parse_rounds(const std::string& text);

}  // namespace federated
