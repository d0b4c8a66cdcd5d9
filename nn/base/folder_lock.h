#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

namespace nn {

// An exclusive lock on a folder, among threads and processes. Released at the end of its scope or
// of its process, however that ends.
class FolderLock {
 public:
  // Creates the folder if needed, and waits for the lock. Throws InputError if the folder is not
  // writable, or if the lock is not free within `patience`.
  explicit FolderLock(const std::filesystem::path& folder,
                      std::optional<std::chrono::milliseconds> patience = {});
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Throws InputError if the lock file was removed, alone or with its folder: then another run
  // could lock the folder as well.
  void require_held() const;

  // Whether another scope or process has the lock of a folder. Makes nothing there.
  static bool is_held(const std::filesystem::path& folder);

  // Takes the lock away from its holder, whose require_held() then throws.
  static void remove(const std::filesystem::path& folder);

  // For runs that must not share a folder: one that was just killed may still hold the lock.
  static constexpr std::chrono::seconds short_patience{3};

 private:
  std::filesystem::path folder_;
  int file_;
};

}  // namespace nn
