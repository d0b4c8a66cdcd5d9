#pragma once

#include <string>

#include "tools/report/document.h"
#include "tools/report/svg.h"

namespace report {

// A line plot as an SVG element. Every line has its own colour, dashes and markers, so that no one
// needs to tell colours apart; pointing at a marker shows its value.
std::string to_svg(const LinePlot& plot, Theme theme = Theme::automatic);

}  // namespace report
