#include "data/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "nn/error.h"
#include "nn/file.h"

namespace data {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  nn::require_writable_folder(folder);
  file_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  int status = file_ < 0 ? -1 : ::flock(file_, LOCK_EX);
  while (status != 0 && file_ >= 0 && errno == EINTR) status = ::flock(file_, LOCK_EX);
  if (status == 0) return;
  const std::string reason = std::strerror(errno);
  if (file_ >= 0) ::close(file_);
  throw nn::InputError(nn::concat("cannot lock ", folder.string(), ": ", reason),
                       "choose a folder on a file system that knows locks");
}

FolderLock::~FolderLock() { ::close(file_); }

}  // namespace data
