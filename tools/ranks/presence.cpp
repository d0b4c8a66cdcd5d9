#include "tools/ranks/presence.h"

#include <chrono>
#include <system_error>

#include "nn/base/error.h"

namespace ranks {

namespace fs = std::filesystem;

static fs::path folder_at(const MeetingPlace& place) { return place.folder.string() + "-run"; }

Presence::Presence(const MeetingPlace& place)
    : folder_(folder_at(place)), lock_(folder_, nn::FolderLock::short_patience) {}

Presence::~Presence() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

bool Presence::is_seen(const MeetingPlace& place) {
  const fs::path folder = folder_at(place);
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return false;
  try {
    const nn::FolderLock free(folder, std::chrono::milliseconds(0));
    fs::remove_all(folder, ignored);
    return false;
  } catch (const nn::InputError&) {  // it is held
    return true;
  }
}

}  // namespace ranks
