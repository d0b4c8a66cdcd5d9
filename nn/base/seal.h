#pragma once

#include <string>
#include <string_view>

// JSON with a checksum of its own text, to detect later edits. Not a signature: anyone can compute
// it.
namespace nn {

// The placeholder value of the member "checksum", which sealed() replaces.
inline constexpr std::string_view no_checksum = "00000000";

// The text with the CRC-32C of the unsealed text, in hexadecimal, as the value of its last
// "checksum". Throws Error if there is none.
std::string sealed(std::string json);

// Whether the text is, byte for byte, what sealed() returned.
bool is_intact(const std::string& text);

}  // namespace nn
