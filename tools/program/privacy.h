#pragma once

#include <filesystem>
#include <vector>

namespace tools {

// Call it before the first file is written: if any of what the program reads is private
// (nn::is_private), all that it writes from then on, in this process and those it starts, is for
// its owner alone. Empty paths and such as are not there count for nothing. Returns the umask.
unsigned keep_private(const std::vector<std::filesystem::path>& inputs);

}  // namespace tools
