#pragma once

#include <filesystem>
#include <vector>

namespace tools {

// If any input is private (nn::is_private), sets a umask that lets only the owner read what this
// process and its children write. Call it before the first file is written. Empty and nonexistent
// paths are ignored. Returns the umask.
unsigned keep_private(const std::vector<std::filesystem::path>& inputs);

}  // namespace tools
