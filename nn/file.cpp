#include "nn/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "nn/error.h"

namespace nn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw InputError(concat("cannot write ", path.string(), ": ", reason),
                   "choose a folder that you may write to and that has space left");
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(folder, error.message());
  if (!fs::is_directory(folder, error)) fail(folder, "it is not a folder");
}

void write_plainly(const fs::path& path, std::string_view content) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) fail(path, errno != 0 ? std::strerror(errno) : "writing failed");
}

// A hidden name next to the file that no other process uses.
fs::path temporary_name(const fs::path& path) {
  return path.parent_path() / concat(".", path.filename().string(), ".", getpid(), ".part");
}

// Removes a file on the way out, whatever happened.
struct Removed {
  fs::path path;
  ~Removed() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

}  // namespace

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
  const Removed probe{temporary_name(folder / "probe")};
  write_plainly(probe.path, "x");
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  std::error_code error;
  if (fs::is_directory(path, error)) fail(path, "it is a folder");
  if (fs::is_other(path, error)) return write_plainly(path, content);
  const fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  if (target.has_parent_path()) create_folder(target.parent_path());
  const Removed temporary{temporary_name(target)};
  write_plainly(temporary.path, content);
  fs::rename(temporary.path, target, error);
  if (error) fail(path, error.message());
}

}  // namespace nn
