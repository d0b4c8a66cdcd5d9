#include "nn/base/split.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nn {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size(); begin += parts.back().size() + 1)
    parts.emplace_back(text.substr(begin, text.find(separator, begin) - begin));
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return join(parts, separator, separator);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator,
                 std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 < parts.size() ? separator : last;
    text += parts[i];
  }
  return text;
}

}  // namespace nn
