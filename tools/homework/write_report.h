#pragma once

#include <filesystem>
#include <iosfwd>
#include <string_view>

#include "tools/report/document.h"

namespace homework {

// Makes way for a new file. An existing one that is not intact (nn::is_intact) may hold the user's
// edits: homework-1.ipynb becomes homework-1.edited-1.ipynb, or takes the next free number, and a
// line in `log` says so. Throws nn::InputError if it cannot be renamed; it then stays.
void keep_edited(const std::filesystem::path& file, std::ostream& log);

// Adds a part, with its title as a heading.
void append(report::Document part, report::Document& all);

// Writes OUT/report.html and OUT/NOTEBOOK.ipynb, after keep_edited().
void write_report(const std::filesystem::path& out, std::string_view notebook,
                  const report::Document& all, std::ostream& log);

}  // namespace homework
