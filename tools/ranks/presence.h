#pragma once

#include <filesystem>

#include "nn/base/folder_lock.h"
#include "tools/ranks/connection.h"

namespace ranks {

// Rank 0 is there: a lock on a folder at the meeting place. So ranks that have lost each other see
// whether it is worth waiting, also those that have no connection to rank 0. The lock ends with
// rank 0, however that ends.
class Presence {
 public:
  // Rank 0's. Throws nn::InputError as nn::FolderLock does: another run meets at the same place.
  explicit Presence(const MeetingPlace& place);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  // By any rank. Clears away what a rank 0 that was killed has left.
  static bool is_seen(const MeetingPlace& place);

 private:
  std::filesystem::path folder_;
  nn::FolderLock lock_;
};

}  // namespace ranks
