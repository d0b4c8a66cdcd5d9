#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nn {

// Untrusted text made safe for a terminal or a log: one line of at most `most_bytes` bytes. Control
// characters, line breaks, bidirectional controls, invisible characters and bytes that are not
// UTF-8 are escaped: \n, \x1b, \u{202e}. Idempotent.
std::string printable(std::string_view text, std::size_t most_bytes = 1000);

// The same for multi-line text: line feeds stay.
std::string printable_lines(std::string_view text);

}  // namespace nn
