#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <memory>
#include <string>

#include "nn/tensor.h"

namespace nn {

using Metadata = std::map<std::string, std::string>;

// A safetensors file, open for reading: the header is read and checked at once, the numbers of a
// tensor when they are asked for. What goes wrong is an InputError that names the file.
class SafetensorsFile {
 public:
  // Every byte of the header is checked: sizes before memory is taken, offsets that tile the data
  // exactly, names that occur once, types that are F32, F64, F16, BF16 or I64.
  explicit SafetensorsFile(const std::filesystem::path& file);

  // The same from any stream that can seek; complaints call it `name`.
  SafetensorsFile(std::unique_ptr<std::istream> stream, std::string name);

  struct Entry {
    Shape shape;
    std::uint64_t offset, bytes;  // in the file
    int format;                   // of its numbers
    bool is_integer;              // I64; all others are floats
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  const std::string& name() const { return name_; }

  // Turns the numbers of a tensor of this file into `real`; values.size() must be its size.
  // Integers are read by the second only, floats by the first.
  void read(const Entry& entry, std::span<real> values);
  void read_integers(const Entry& entry, std::span<real> values);

 private:
  void convert(const Entry& entry, std::span<real> values);

  std::string name_;
  std::unique_ptr<std::istream> stream_;
  std::map<std::string, Entry> entries_;
  Metadata metadata_;
};

}  // namespace nn
