#pragma once

#include <string>

namespace tools {

// The word, quoted if a POSIX shell would otherwise read it differently.
std::string shell_word(const std::string& word);

}  // namespace tools
