#include "pipeline/mailbox/trusted_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "nn/base/error.h"

namespace pipeline {

namespace fs = std::filesystem;

namespace {

struct stat status_of(const fs::path& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0)
    throw nn::InputError("cannot look at " + path.string(), "does it exist, and may you read it?");
  return status;
}

void refuse(const fs::path& path, const std::string& what, const std::string& command) {
  throw nn::InputError(path.string() + what, command + ' ' + path.string());
}

void require_ours(const fs::path& path, bool is_above) {
  const struct stat status = status_of(path);
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    refuse(path, " can be changed by other users: it is not yours", "chown $USER");
  const bool is_shared = is_above && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_shared)
    refuse(path, " can be changed by other users", "chmod go-w");
}

}  // namespace

fs::path trusted(const fs::path& path) {
  std::error_code error;
  const fs::path resolved = fs::canonical(path, error);
  if (error)
    throw nn::InputError(nn::concat("cannot look at ", path.string(), ": ", error.message()),
                         "does it exist, and may you read it?");
  require_ours(resolved, false);
  for (fs::path above = resolved; above != above.parent_path();) {
    above = above.parent_path();
    require_ours(above, true);
  }
  return resolved;
}

fs::path trusted_private(const fs::path& path) {
  const fs::path resolved = trusted(path);
  const struct stat status = status_of(resolved);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    refuse(resolved, " can be read by other users",
           S_ISDIR(status.st_mode) ? "chmod 700" : "chmod 600");
  return resolved;
}

void make_private_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw nn::InputError(nn::concat("cannot make ", folder.string(), ": ", std::strerror(errno)),
                         "choose a folder that all ranks see with --meet");
}

}  // namespace pipeline
