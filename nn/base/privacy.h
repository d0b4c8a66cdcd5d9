#pragma once

#include <filesystem>

namespace nn {

// Whether some users cannot read the file: its mode denies its group or others, or the mode of a
// folder above it does, with links resolved. A folder is private if its own mode makes it so, or if
// anything in it is private, two levels deep. Files made from a private file must be readable by
// the owner only. False if the path does not exist; true if it cannot be examined.
bool is_private(const std::filesystem::path& path);

}  // namespace nn
