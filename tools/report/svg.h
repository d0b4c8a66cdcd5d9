#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// The colours of a plot. `automatic` has a transparent background and follows the reader's colour
// scheme, light or dark; `light` brings its own white background, for places with a theme of their
// own, such as notebooks.
enum class Theme { automatic, light };

// A line plot as an SVG element of 720 units width that scales with the page. Every line has its
// own colour, dashes and markers, so that no one needs to tell colours apart; pointing at a marker
// shows its value.
std::string to_svg(const LinePlot& plot, Theme theme = Theme::automatic);

}  // namespace report
