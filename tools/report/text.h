#pragma once

#include <string>

#include "tools/report/document.h"

// For terminals: UTF-8, a newline after every line. `colour` adds terminal escapes; without it
// nothing is lost.
namespace report {

// Columns wide enough for their cells. Where that is more than `width`, the header takes several
// lines.
std::string to_text(const Table& table, int width = 80);

std::string to_text(const Document& document, int width = 80, bool colour = false);

}  // namespace report
