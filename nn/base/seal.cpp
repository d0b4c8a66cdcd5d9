#include "nn/base/seal.h"

#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <ios>
#include <span>
#include <string>
#include <string_view>

#include "nn/base/checksum.h"
#include "nn/base/error.h"

namespace nn {

namespace {

// Where the value of the last "checksum" begins, or npos if there is none. Inside a JSON string the
// quotation marks would be escaped.
std::size_t place_of_checksum(std::string_view text) {
  constexpr std::string_view key = "\"checksum\": \"";
  const std::size_t found = text.rfind(key);
  const bool is_there =
      found != text.npos && text.size() - found >= key.size() + no_checksum.size();
  return is_there ? found + key.size() : text.npos;
}

}  // namespace

std::string sealed(std::string json) {
  const std::size_t place = place_of_checksum(json);
  require(place != json.npos, "sealed: the text has no member \"checksum\"");
  json.replace(place, no_checksum.size(), no_checksum);
  const std::uint32_t checksum = crc32c(std::as_bytes(std::span(json)));
  return json.replace(place, no_checksum.size(),
                      concat(std::hex, std::setw(8), std::setfill('0'), checksum));
}

bool is_intact(const std::string& text) {
  return place_of_checksum(text) != text.npos && sealed(text) == text;
}

}  // namespace nn
