#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// A line plot for a terminal, in braille dots; every series has its own marker glyph at its points.
// No line is longer than `width`, which should be at least 40. `colour` adds terminal escapes.
std::string to_text(const LinePlot& plot, int width = 80, bool colour = false);

}  // namespace report
