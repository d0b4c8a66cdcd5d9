#pragma once

#include <string>

#include "tools/report/document.h"
#include "tools/report/svg.h"

// Line plots as drawings and as text. Series can be told apart without colour.
namespace report {

// An SVG element. Every line has its own colour, dashes and markers; pointing at a marker shows its
// value.
std::string to_svg(const LinePlot& plot, Theme theme = Theme::automatic);

// For a terminal of 80 columns: braille dots, and a marker glyph for each series. `colour` adds
// terminal escapes.
std::string to_text(const LinePlot& plot, bool colour = false);

}  // namespace report
