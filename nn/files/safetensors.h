#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

using Metadata = std::map<std::string, std::string>;

// A safetensors file, open for reading. The header is read and checked at once, the numbers of a
// tensor on request. Failures are InputErrors that name the file.
class SafetensorsFile {
 public:
  // Checks every byte of the header: sizes, before memory is allocated; offsets, which must tile
  // the data exactly; names, which must be unique; and types: F32, F64, F16, BF16 or I64.
  explicit SafetensorsFile(const std::filesystem::path& file);

  // The same from any seekable stream; errors call it `name`.
  SafetensorsFile(std::unique_ptr<std::istream> stream, std::string name);

  struct Entry {
    Shape shape;
    std::uint64_t offset, bytes;  // in the file
    int format;                   // of its numbers
    bool is_integer;              // I64; all other formats are floats
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  const std::string& name() const { return name_; }

  // Converts the numbers of a tensor of this file to `real`; values.size() must be its size. The
  // first reads floats only, the second integers only.
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
