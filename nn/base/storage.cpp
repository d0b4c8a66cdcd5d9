#include "nn/base/storage.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "nn/base/error.h"

namespace nn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail() { throw std::system_error(errno, std::generic_category()); }

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, Readers readers = Readers::everyone)
      : number_(::open(path.c_str(), flags, static_cast<mode_t>(readers))) {
    if (number_ < 0) fail();
  }
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  operator int() const { return number_; }

  void write(std::string_view rest) const {
    while (!rest.empty()) {
      const ssize_t count = ::write(number_, rest.data(), rest.size());
      if (count < 0 && errno != EINTR) fail();
      if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  // Some file systems report a full disk only here.
  void close() {
    if (::close(std::exchange(number_, -1)) != 0) fail();
  }

 private:
  int number_;
};

}  // namespace

void Disk::create_folder(const fs::path& folder) { fs::create_directories(folder); }

void Disk::write(const fs::path& path, FileParts content) {
  const bool is_new = readers_ == Readers::owner;
  if (is_new) fs::remove(path);
  Descriptor file(path, O_WRONLY | O_CREAT | (is_new ? O_EXCL : O_TRUNC) | O_CLOEXEC, readers_);
  for (std::string_view part : content) file.write(part);
  file.close();
}

void Disk::append(const fs::path& path, std::string_view content) {
  Descriptor file(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  file.write(content);
  file.close();
}

void Disk::sync(const fs::path& path) {
  const Descriptor file(path.empty() ? fs::path(".") : path, O_RDONLY | O_CLOEXEC);
  // EINVAL means that the file system cannot sync folders: nothing more can be done.
  if (fsync(file) != 0 && errno != EINVAL) fail();
}

void Disk::rename(const fs::path& from, const fs::path& to) { fs::rename(from, to); }

void Disk::exchange(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) fail();
  exchange_by_renames(*this, a, b);
}

void Disk::remove(const fs::path& path) { fs::remove(path); }

void exchange_by_renames(Storage& storage, const fs::path& a, const fs::path& b) {
  const fs::path aside = temporary_beside(b);
  // Renames, and undoes it if the next step fails.
  const auto rename_for = [&](const fs::path& from, const fs::path& to, const auto& next) {
    storage.rename(from, to);
    try {
      next();
    } catch (const std::system_error&) {
      storage.rename(to, from);
      throw;
    }
  };
  rename_for(b, aside, [&] { rename_for(a, b, [&] { storage.rename(aside, a); }); });
}

fs::path temporary_beside(const fs::path& file) {
  return file.parent_path() / concat(".", file.filename().string(), ".", getpid(), ".part");
}

void replace_file(Storage& storage, const fs::path& file, FileParts content) {
  replace_file(storage, file,
               [&](const fs::path& temporary) { storage.write(temporary, content); });
}

void replace_file(Storage& storage, const fs::path& file,
                  const std::function<void(const fs::path& temporary)>& write) {
  const fs::path temporary = temporary_beside(file);
  try {
    write(temporary);
    storage.sync(temporary);
    storage.rename(temporary, file);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  storage.sync(file.parent_path());
}

}  // namespace nn
