#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// One page that needs nothing beside itself: no scripts, fonts or pictures from elsewhere. It
// follows the reader's light or dark colour scheme, fits a telephone and prints well.
std::string to_html(const Document& document);

// A <table> element for the middle of a page.
std::string to_html(const Table& table);

// A <dl> element.
std::string to_html(const Facts& facts);

}  // namespace report
