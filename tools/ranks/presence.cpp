#include "tools/ranks/presence.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace ranks {

namespace fs = std::filesystem;

constexpr const char* stages_file = "stages";

static fs::path folder_at(const MeetingPlace& place) { return place.folder.string() + "-run"; }

Presence::Presence(const MeetingPlace& place, int stages)
    : folder_(folder_at(place)), lock_(folder_, nn::FolderLock::short_patience) {
  nn::write_file_atomically(folder_ / stages_file, std::to_string(stages));
}

Presence::~Presence() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

RankZero look_for_rank_0(const MeetingPlace& place) {
  const fs::path folder = folder_at(place);
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return {};
  if (!nn::FolderLock::is_held(folder)) return {RankZero::killed};
  RankZero zero{RankZero::there};
  try {
    zero.stages = std::atoi(nn::read_file(folder / stages_file).c_str());
  } catch (const nn::InputError&) {  // it is about to say so, or to end
  }
  return zero;
}

}  // namespace ranks
