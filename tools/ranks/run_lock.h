#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "nn/base/folder_lock.h"
#include "tools/ranks/connection.h"

namespace ranks {

// Rank 0 is there: a lock on a folder at the meeting place. So ranks that wait for others see
// whether it is worth waiting, also those that have no connection to rank 0. The lock ends with
// rank 0, however that ends. What a killed one has left, a run removes a day later.
class RunLock {
 public:
  // Rank 0's, which also says into how many stages it cuts clients. Throws nn::InputError if
  // another run meets at the same place, or if the folder cannot be locked.
  RunLock(const MeetingPlace& place, int stages);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<nn::FolderLock> lock_;
};

// Rank 0, as the others see it.
struct RankZero {
  enum State { there, killed, absent };  // absent: it has not begun, or has ended
  State state = absent;
  std::optional<int> stages = {};  // once it is there
};
RankZero look_for_rank_0(const MeetingPlace& place);

}  // namespace ranks
