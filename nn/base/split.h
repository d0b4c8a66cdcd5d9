#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nn {

// The parts between separators: one more than there are separators. Parts may be empty.
std::vector<std::string> split(std::string_view text, char separator);

// "a, b, c"
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// The same with another separator before the last part: "a, b or c"
std::string join(const std::vector<std::string>& parts, std::string_view separator,
                 std::string_view last);

}  // namespace nn
