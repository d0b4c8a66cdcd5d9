#pragma once

#include <filesystem>
#include <iosfwd>

namespace homework {

// Makes way for a new file. An existing one that is not intact (nn::is_intact) may hold the user's
// edits: homework-1.ipynb becomes homework-1.edited-1.ipynb, or takes the next free number, and a
// line in `log` says so. Throws nn::InputError if it cannot be renamed; it then stays.
void keep_edited(const std::filesystem::path& file, std::ostream& log);

}  // namespace homework
