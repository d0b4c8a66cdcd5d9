#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "nn/tensor.h"

namespace nn {

using Metadata = std::map<std::string, std::string>;

// A safetensors file, open for reading: the header is read and checked at once, the numbers of a
// tensor when they are asked for. What goes wrong is an InputError that names the file.
class SafetensorsFile {
 public:
  // Every byte of the header is checked: sizes before memory is taken, offsets that tile the data
  // exactly, names that occur once, types that are F32, F64, F16 or BF16.
  explicit SafetensorsFile(const std::filesystem::path& file);

  struct Entry {
    Shape shape;
    std::uint64_t offset, bytes;  // in the file
    int format;                   // of its numbers
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

  // Turns the numbers of a tensor of this file into `real`; values.size() must be its size.
  void read(const Entry& entry, std::span<real> values);

 private:
  std::filesystem::path path_;
  std::ifstream file_;
  std::map<std::string, Entry> entries_;
  Metadata metadata_;
};

}  // namespace nn
