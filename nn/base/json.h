#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace nn {

// The text as a JSON string, with its quotation marks. UTF-8 stays as it is.
std::string json_quote(std::string_view text);

// A value as quoted in an error message: one line without control characters, shortened.
std::string json_shown(const nlohmann::json& value);

// Parses untrusted text as one JSON object. Keys must be unique within an object, and objects and
// arrays nest at most 8 deep. Throws InputError with the reason and the hint; `what` names the
// text.
nlohmann::json parse_json_object(std::string_view text, const std::string& what,
                                 const std::string& hint);

// The same for a file, which must be a regular one of at most 20 MB. Throws InputError.
nlohmann::json read_json_object(const std::filesystem::path& path, const std::string& hint);

}  // namespace nn
