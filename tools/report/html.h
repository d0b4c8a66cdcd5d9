#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// One page that needs nothing beside itself: no scripts, fonts or pictures from elsewhere. It
// follows the reader's light or dark colour scheme, fits a telephone and prints well.
std::string to_html(const Document& document);

// One of its elements, for the middle of another page.
std::string to_html(const Block& block);

}  // namespace report
