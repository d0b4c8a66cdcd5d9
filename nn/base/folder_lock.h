#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

namespace nn {

// Held by one at a time, among all threads and processes that lock the same folder. Ends with its
// scope or its process, however that ends.
class FolderLock {
 public:
  // Creates the folder if need be, and waits for its turn. Throws InputError if nothing can be
  // written there, or if the turn has not come within `patience`.
  explicit FolderLock(const std::filesystem::path& folder,
                      std::optional<std::chrono::milliseconds> patience = {});
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Throws InputError if the lock file was removed, alone or with its folder: another run could
  // then lock the folder, too.
  void require_held() const;

  // For runs that must not share a folder: one that was killed a moment ago may hold it still.
  static constexpr std::chrono::seconds short_patience{3};

 private:
  std::filesystem::path folder_;
  int file_;
};

}  // namespace nn
