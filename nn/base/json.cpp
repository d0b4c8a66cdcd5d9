#include "nn/base/json.h"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"

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

std::string json_shown(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

nlohmann::json parse_json_object(std::string_view text, const std::string& what,
                                 const std::string& hint) {
  using nlohmann::json;
  const auto check = [&](bool holds, const char* reason) {
    if (!holds) throw InputError(what + reason, hint);
  };
  std::vector<std::set<std::string>> keys;
  bool is_unique = true, is_shallow = true;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    is_shallow &= depth < 8;
    if (!is_shallow) return false;  // keep nothing more, so that memory stays small
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key)
      is_unique &= keys.back().insert(value.get<std::string>()).second;
    return true;
  };
  // The parser would take a zero byte for the end of the text.
  check(text.find('\0') == text.npos, " is not JSON");
  json object = json::parse(text, watch, /*allow_exceptions=*/false);
  check(is_shallow, " is nested too deeply");
  check(!object.is_discarded(), " is not JSON");
  check(object.is_object(), " is not a JSON object");
  check(is_unique, " names a key twice");
  return object;
}

nlohmann::json read_json_object(const std::filesystem::path& path, const std::string& hint) {
  constexpr std::uintmax_t largest = 20'000'000;  // many times as much in memory
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw InputError(concat("cannot read ", path.string(), ": ", error.message()), hint);
  if (size > largest)
    throw InputError(concat(path.string(), " has ", size, " bytes, more than ", largest), hint);
  return parse_json_object(read_file(path), path.string(), hint);
}

}  // namespace nn
