#include "tools/ranks/run_lock.h"

#include <memory>
#include <string>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "tools/training/access.h"

namespace ranks {

namespace fs = std::filesystem;

constexpr const char* stages_file = "stages";

static fs::path folder_at(const MeetingPlace& place) { return place.folder.string() + "-run"; }

static std::unique_ptr<nn::FolderLock> lock(const fs::path& folder, const MeetingPlace& place) {
  try {
    return std::make_unique<nn::FolderLock>(folder, nn::FolderLock::short_patience);
  } catch (const nn::InputError&) {
    if (!nn::FolderLock::is_held(folder)) throw;
    throw nn::InputError("another run meets at " + place.folder.string(),
                         "wait for it, or choose another --meet");
  }
}

RunLock::RunLock(const MeetingPlace& place, int stages)
    : folder_(folder_at(place)), lock_(lock(folder_, place)) {
  training::remove_old_meetings(folder_.parent_path());
  nn::write_file_atomically(folder_ / stages_file, std::to_string(stages));
}

RunLock::~RunLock() {
  std::error_code ignored;
  fs::remove(folder_ / stages_file, ignored);
  nn::FolderLock::remove(folder_);  // so the run has ended: that of a killed rank 0 stays
  lock_.reset();                    // an open file would keep its folder on NFS
  fs::remove(folder_, ignored);     // unless the next run is there already
}

RankZero look_for_rank_0(const MeetingPlace& place) {
  const fs::path folder = folder_at(place);
  std::error_code error;  // which does not mean that the lock is gone
  if (!nn::FolderLock::is_held(folder))
    return {fs::exists(folder / ".lock", error) || error ? RankZero::killed : RankZero::absent};
  RankZero zero{RankZero::there};
  try {
    zero.stages = nn::parse_number<int>(nn::read_file(folder / stages_file));
  } catch (const nn::InputError&) {  // it is about to say so, or to end
  }
  return zero;
}

}  // namespace ranks
