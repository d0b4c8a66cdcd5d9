#include "nn/base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace nn {

namespace {

using Clock = std::chrono::steady_clock;

// 0, or the error's number.
int lock(int file, std::optional<std::chrono::milliseconds> patience) {
  const auto deadline = Clock::now() + patience.value_or(std::chrono::milliseconds{});
  while (::flock(file, patience ? LOCK_EX | LOCK_NB : LOCK_EX) != 0) {
    const bool is_held = errno == EWOULDBLOCK;
    if (!(is_held && Clock::now() < deadline) && errno != EINTR) return errno;
    if (is_held) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return 0;
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder,
                       std::optional<std::chrono::milliseconds> patience)
    : folder_(folder) {
  require_writable_folder(folder);
  file_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  const int error = file_ < 0 ? errno : lock(file_, patience);
  if (error == 0) return;
  if (file_ >= 0) ::close(file_);
  if (error == EWOULDBLOCK)
    throw InputError("another run writes to " + folder.string(),
                     "wait for it, or choose another folder");
  throw InputError(concat("cannot lock ", folder.string(), ": ", std::strerror(error)),
                   "choose a folder on a file system that supports locks");
}

void FolderLock::require_held() const {
  struct stat held, there;
  const bool is_there = ::stat((folder_ / ".lock").c_str(), &there) == 0;
  if (is_there && ::fstat(file_, &held) == 0 && held.st_ino == there.st_ino &&
      held.st_dev == there.st_dev)
    return;
  throw InputError((folder_ / ".lock").string() + " was removed while a run held it",
                   "leave a run's folder alone until it ends");
}

bool FolderLock::is_held(const std::filesystem::path& folder) {
  const int file = ::open((folder / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_held = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return is_held;
}

void FolderLock::remove(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove(folder / ".lock", ignored);
}

FolderLock::~FolderLock() { ::close(file_); }

}  // namespace nn
