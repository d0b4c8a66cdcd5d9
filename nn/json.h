#pragma once

#include <string>
#include <string_view>

namespace nn {

// The text as a JSON string, with its quotation marks. UTF-8 stays as it is.
std::string json_quote(std::string_view text);

}  // namespace nn
