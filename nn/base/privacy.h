#pragma once

#include <filesystem>

namespace nn {

// Whether some users cannot read the file: because its group or others lack the right, or because
// of the mode of a folder above it, links resolved. A folder is private if it is itself, or if
// anything in it is, down to the folders in its folders. Only the owner may read what is made from
// a private file. False if the path does not exist; true if it cannot be examined.
bool is_private(const std::filesystem::path& path);

}  // namespace nn
