#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tools {

// The candidate that a mistyped word was probably meant to be: one that it is the beginning of, or
// that is a few letters away (Levenshtein 1966). Empty if there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tools
