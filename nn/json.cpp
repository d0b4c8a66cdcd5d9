#include "nn/json.h"

namespace nn {

std::string json_quote(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result.append({'\\', c});
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace nn
