#pragma once

#include <filesystem>

namespace data {

// Held by one at a time, among all threads and processes that lock the same folder; others wait.
// Ends with its scope or its process.
class FolderLock {
 public:
  // Creates the folder if need be. Throws nn::InputError if nothing can be written there.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;

 private:
  int file_;
};

}  // namespace data
