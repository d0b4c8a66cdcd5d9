#include "nn/base/privacy.h"

#include <filesystem>
#include <system_error>

namespace nn {

namespace {

namespace fs = std::filesystem;

constexpr fs::perms enter = fs::perms::group_exec | fs::perms::others_exec;  // a folder

// Whether the mode of the file or folder itself grants the rights, whatever is above it.
bool everyone_may(const fs::path& path, fs::perms rights) {
  std::error_code error;
  return (fs::status(path, error).permissions() & rights) == rights && !error;
}

bool everyone_reads(const fs::path& path) {
  std::error_code error;
  constexpr fs::perms read = fs::perms::group_read | fs::perms::others_read;
  return everyone_may(path, fs::is_directory(path, error) ? read | enter : read);
}

// The same for the folders above as well. The path must have no links in it.
bool everyone_reaches(const fs::path& real) {
  for (fs::path folder = real; folder != folder.root_path();) {
    folder = folder.parent_path();
    if (!everyone_may(folder, enter)) return false;
  }
  return everyone_reads(real);
}

// Counts the targets of links, but not what is inside them.
bool everyone_reads_inside(const fs::path& folder, int levels) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const bool is_link = entry->is_symlink(error);
    const fs::path real = is_link ? fs::canonical(entry->path(), error) : entry->path();
    if (error == std::errc::no_such_file_or_directory) continue;
    if (error || !(is_link ? everyone_reaches(real) : everyone_reads(real))) return false;
    if (!is_link && levels > 0 && entry->is_directory(error) &&
        !everyone_reads_inside(real, levels - 1))
      return false;
  }
  return !error;
}

}  // namespace

bool is_private(const fs::path& path) {
  if (path.empty()) return false;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return error != std::errc::no_such_file_or_directory;
  if (!everyone_reaches(real)) return true;
  return fs::is_directory(real, error) && !everyone_reads_inside(real, 1);
}

}  // namespace nn
