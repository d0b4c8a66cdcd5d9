#pragma once

#include <string>

#include "tools/report/document.h"
#include "tools/report/svg.h"

// Confusion matrices as drawings and as text.
namespace report {

// An SVG element. The darker a cell, the larger its share of the row; pointing at it shows the
// share.
std::string to_svg(const ConfusionMatrix& matrix, Theme theme = Theme::automatic);

// The counts, for a terminal.
std::string to_text(const ConfusionMatrix& matrix);

}  // namespace report
