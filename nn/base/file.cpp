#include "nn/base/file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string_view>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/storage.h"

namespace nn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::error_code error) {
  if (error != std::errc::filename_too_long) throw_cannot_write(path, error.message());
  throw InputError(concat("cannot write ", path.string(), ": ", error.message()),
                   "choose a shorter name");
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(folder, error);
  if (!fs::is_directory(folder, error)) throw_cannot_write(folder, "it is not a folder");
}

// The path to write to, with links resolved and the folder created.
fs::path target_of(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(file, error) || !file.has_filename())
    throw InputError(concat("cannot write ", file.string(), ": it is a folder"),
                     "name a file in it");
  fs::path target = file;
  if (fs::is_symlink(file, error)) {
    target = fs::weakly_canonical(file, error);
    if (error) fail(file, error);
  }
  if (target.has_parent_path()) create_folder(target.parent_path());
  return target;
}

bool is_device(const fs::path& file) {
  std::error_code error;
  return fs::is_other(file, error);
}

// Writes the file `probe` and removes it again. Errors name `path`.
void require_writable(const fs::path& probe, const fs::path& path) {
  const std::string_view content = "x";
  Disk disk;
  try {
    disk.write(probe, {&content, 1});
    disk.remove(probe);
  } catch (const std::system_error& error) {
    std::error_code ignored;
    fs::remove(probe, ignored);
    fail(path, error.code());
  }
}

}  // namespace

void throw_cannot_write(const fs::path& path, const std::string& reason) {
  throw InputError(concat("cannot write ", path.string(), ": ", reason),
                   "choose a folder that you can write to and that has space left");
}

std::string read_file(const fs::path& path, std::size_t most) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0) {
    content.append(buffer, static_cast<std::size_t>(file.gcount()));
    if (content.size() > most)
      throw InputError(concat(path.string(), " has more than ", most, " bytes"),
                       "check that it is the right file");
  }
  if (!file.is_open() || file.bad())
    throw InputError(concat("cannot read ", path.string(), ": ", std::strerror(errno)),
                     "check the path and its permissions");
  return content;
}

void require_writable_folder(const fs::path& folder) {
  create_folder(folder);
  require_writable(temporary_beside(folder / "probe"), folder);
}

void require_writable_file(const fs::path& file) {
  if (!is_device(file)) require_writable(temporary_beside(target_of(file)), file);
}

void write_file_atomically(const fs::path& path, FileParts content, Readers readers) {
  const bool is_replaced = !is_device(path);  // a pipe, for example, cannot be replaced
  const fs::path target = is_replaced ? target_of(path) : path;
  Disk device, disk(readers);
  try {
    is_replaced ? replace_file(disk, target, content) : device.write(target, content);
  } catch (const std::system_error& failure) {
    fail(path, failure.code());
  }
}

void write_file_atomically(const fs::path& path, std::string_view content, Readers readers) {
  write_file_atomically(path, FileParts(&content, 1), readers);
}

void write_file_atomically(const fs::path& path,
                           const std::function<void(const Append& append)>& write,
                           Readers readers) {
  Disk disk(readers);
  on_disk(path, [&] {
    replace_file(disk, target_of(path), [&](const fs::path& temporary) {
      disk.write(temporary, {});
      write([&](std::string_view part) { disk.append(temporary, part); });
    });
  });
}

}  // namespace nn
