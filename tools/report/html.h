#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// A page complete in itself, without scripts, fonts or pictures from elsewhere. It follows
// the reader's light or dark colour scheme, fits a telephone and prints well.
std::string to_html(const Document& document);

// The element of one block, for the middle of another page.
std::string to_html(const Block& block);

}  // namespace report
