#include "nn/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "nn/error.h"

namespace nn {
namespace {

namespace fs = std::filesystem;

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_cannot_write(folder, error.message());
  if (!fs::is_directory(folder, error)) throw_cannot_write(folder, "it is not a folder");
}

}  // namespace

void throw_cannot_write(const fs::path& path, const std::string& reason) {
  throw InputError(concat("cannot write ", path.string(), ": ", reason),
                   "choose a folder that you may write to and that has space left");
}

std::string read_file(const fs::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0)
    content.append(buffer, static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad())
    throw InputError(concat("cannot read ", path.string(), ": ", std::strerror(errno)),
                     "check the path and its permissions");
  return content;
}

void require_writable_folder(const fs::path& folder) {
  create_folder(folder);
  const fs::path probe = folder / concat(".probe.", getpid(), ".part");
  const std::string_view content = "x";
  Disk disk;
  try {
    disk.write(probe, {&content, 1});
    disk.remove(probe);
  } catch (const std::system_error& error) {
    std::error_code ignored;
    fs::remove(probe, ignored);
    throw_cannot_write(folder, error.code().message());
  }
}

void write_file_atomically(const fs::path& path, FileParts content) {
  std::error_code error;
  if (fs::is_directory(path, error)) throw_cannot_write(path, "it is a folder");
  const bool is_device = fs::is_other(path, error);
  const fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  if (target.has_parent_path()) create_folder(target.parent_path());
  Disk disk;
  try {
    is_device ? disk.write(path, content) : replace_file(disk, target, content);
  } catch (const std::system_error& failure) {
    throw_cannot_write(path, failure.code().message());
  }
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  write_file_atomically(path, FileParts(&content, 1));
}

}  // namespace nn
