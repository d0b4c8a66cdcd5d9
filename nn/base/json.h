#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace nn {

// The text as a JSON string, with its quotation marks. UTF-8 stays as it is.
std::string json_quote(std::string_view text);

// A value as a complaint repeats it: one line without control characters, cut short.
std::string json_shown(const nlohmann::json& value);

// The object that the text is, from bytes that nobody vouches for: all of it, with no key named
// twice in an object and at most 8 objects and arrays in each other. Throws InputError: `what` the
// text is, the reason, and the hint.
nlohmann::json parse_json_object(std::string_view text, const std::string& what,
                                 const std::string& hint);

// The same for a file, which must be an ordinary one. Throws InputError.
nlohmann::json read_json_object(const std::filesystem::path& path, const std::string& hint);

}  // namespace nn
