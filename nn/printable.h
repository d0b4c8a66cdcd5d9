#pragma once

#include <string>
#include <string_view>

namespace nn {

// Text of unknown origin, fit for a terminal or a log: one line of at most `most_bytes` bytes.
// Control characters, line breaks, marks that turn the direction of writing, invisible characters
// and bytes that are not UTF-8 become visible: \n, \x1b, \u{202e}. Applying it twice changes
// nothing more.
std::string printable(std::string_view text, std::size_t most_bytes = 1000);

// The same for text of many lines: line feeds stay.
std::string printable_lines(std::string_view text);

}  // namespace nn
