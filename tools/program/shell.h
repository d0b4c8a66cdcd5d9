#pragma once

#include <string>
#include <vector>

namespace tools {

// The word, quoted if a POSIX shell would otherwise read it differently.
std::string shell_word(const std::string& word);

// The words of this program's command line; empty where /proc is hidden.
std::vector<std::string> command_line();

}  // namespace tools
