#pragma once

#include <filesystem>

namespace tools {

// A new folder in $TMPDIR, or /tmp, removed with its contents when this object is destroyed. Throws
// nn::InputError if it cannot be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path path;
};

}  // namespace tools
