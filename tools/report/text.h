#pragma once

#include <string>

#include "tools/report/document.h"

// For terminals: UTF-8, a newline after every line. `colour` adds terminal escapes; without it
// nothing is lost.
namespace report {

// Columns wide enough for their cells. Where that is more than `width`, the header takes several
// lines.
std::string to_text(const Table& table, int width = 80);

// A line plot in braille dots; every series has its own marker glyph at its points. No line is
// longer than `width`, which should be at least 40.
std::string to_text(const LinePlot& plot, int width = 80, bool colour = false);

std::string to_text(const Document& document, int width = 80, bool colour = false);

}  // namespace report
