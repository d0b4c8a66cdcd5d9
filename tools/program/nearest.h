#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tools {

// The candidate that a mistyped word probably means: one that begins with it, or differs from it in
// a few letters (Levenshtein 1966). Empty if there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tools
