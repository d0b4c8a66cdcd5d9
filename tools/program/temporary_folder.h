#pragma once

#include <filesystem>

namespace tools {

// A folder of its own below $TMPDIR, or /tmp, that goes with all that is in it. Throws
// nn::InputError if none can be made there.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path path;
};

}  // namespace tools
