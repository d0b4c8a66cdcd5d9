#pragma once

#include <string>

#include "tools/report/document.h"
#include "tools/report/svg.h"

// Line plots as drawings and as text. Series are told apart without colour.
namespace report {

// An SVG element. Every line has its own colour, dashes and markers; pointing at a marker shows its
// value.
std::string to_svg(const LinePlot& plot, Theme theme = Theme::automatic);

// For a terminal, in braille dots with a marker glyph for each series. No line is longer than
// `width`, which should be at least 40. `colour` adds terminal escapes.
std::string to_text(const LinePlot& plot, int width = 80, bool colour = false);

}  // namespace report
