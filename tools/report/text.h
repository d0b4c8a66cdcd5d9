#pragma once

#include <string>

#include "tools/report/document.h"

// For terminals: lines of at most 80 columns, each with a newline. `colour` adds terminal escapes;
// without it nothing is lost.
namespace report {

// If the columns do not fit side by side, headers are broken into lines; cells never are.
std::string to_text(const Table& table);

std::string to_text(const Document& document, bool colour = false);

}  // namespace report
