#pragma once

#include <filesystem>

namespace nn {

// Whether there are users who cannot read the file: by its own mode, where others or its group lack
// the right, or by that of a folder on the way to what it really is, links resolved. A folder is
// private if it, or what is in it down to the folders in its folders, is. What is made from a
// private file is for its owner alone. False for what is not there; true for what cannot be
// looked at.
bool is_private(const std::filesystem::path& path);

}  // namespace nn
