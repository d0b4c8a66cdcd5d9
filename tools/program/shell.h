#pragma once

#include <string>

namespace tools {

// The word as a POSIX shell reads it: in quotes where it would mean something else.
std::string shell_word(const std::string& word);

}  // namespace tools
