#include "tools/federated/unfinished.h"

#include <algorithm>
#include <ostream>

#include "nn/base/error.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

// Whether the folder has anything but its lock.
bool has_content(const fs::path& folder) {
  std::error_code error;
  return std::ranges::any_of(fs::directory_iterator(folder, error),
                             [](const auto& entry) { return entry.path().filename() != ".lock"; });
}

void remove_if_empty(const fs::path& folder) {
  std::error_code ignored;
  if (!has_content(folder)) fs::remove_all(folder, ignored);
}

}  // namespace

fs::path kept_runs(const fs::path& out, const std::string& command, std::optional<int> rounds) {
  return out / ".unfinished" / (command + (rounds ? nn::concat("-", *rounds, "-rounds") : ""));
}

Unfinished::Unfinished(fs::path folder, std::ostream& log)
    : folder_(std::move(folder)), lock_(folder_, nn::FolderLock::short_patience), log_(log) {}

Unfinished::~Unfinished() {
  for (const fs::path& run : opened_) remove_if_empty(run);
  remove_if_empty(folder_);
  remove_if_empty(folder_.parent_path());
}

std::unique_ptr<SavedRun> Unfinished::open(const std::string& run) {
  const fs::path& folder = opened_.emplace_back(folder_ / run);
  if (!has_said_ && has_content(folder)) {
    log_ << "going on with the rounds in " << folder_.string() << '\n';
    has_said_ = true;
  }
  return std::make_unique<SavedRun>(folder, /*may_resume=*/true, log_);
}

void Unfinished::remove_opened() {
  std::error_code ignored;
  for (const fs::path& run : opened_) fs::remove_all(run, ignored);
}

}  // namespace federated
