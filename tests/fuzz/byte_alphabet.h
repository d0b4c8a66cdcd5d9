#pragma once

#include <string>

#include "nn/base/error.h"
#include "nn/base/json.h"

namespace fuzz {

// The end of a text and the tokens of all bytes, as in GPT-2's encoder.json: ids 0 to 256.
inline std::string byte_alphabet() {
  std::string text = R"("<|endoftext|>":0)";
  int id = 1, next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_visible = byte > 0x20 && byte != 0xAD && (byte < 0x7F || byte > 0xA0);
    const int code = is_visible ? byte : next++;
    std::string character;
    if (code >= 0x80) character += static_cast<char>(0xC0 | code >> 6);
    character += static_cast<char>(code < 0x80 ? code : 0x80 | (code & 0x3F));
    text += nn::concat(',', nn::json_quote(character), ':', id++);
  }
  return text;
}

}  // namespace fuzz
