#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "nn/base/checksum.h"

// A manifest with other lines and the right checksum, as a deliberate change would have.
inline std::string with_checksum(const std::string& text) {
  const std::string lines = text.substr(0, text.rfind("checksum "));
  char checksum[32];
  std::snprintf(checksum, sizeof checksum, "checksum %08x\n",
                nn::crc32c(std::as_bytes(std::span(lines))));
  return lines + checksum;
}

inline void rewrite_manifest(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << with_checksum(text);
}
