#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/safetensors.h"
#include "nn/parameters.h"

// Weights in files that PyTorch and Hugging Face read: the safetensors format.
namespace nn {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;
  Metadata metadata;
};

// A whole file, with SafetensorsFile's checks. Throws InputError.
Checkpoint read_safetensors(const std::filesystem::path& file);

// Numbers and what they are called in a file: where they come from, or go to.
template <class Number>
struct NamedNumbers {
  std::string name;
  Shape shape;
  std::span<Number> numbers;
  bool is_integer = false;  // whole numbers here, I64 in a file
};
using SavedTensor = NamedNumbers<const real>;
using LoadedTensor = NamedNumbers<real>;

// A file that is to be written: F32 (F64 in the double build), and integers as I64 in front of
// them, so that all are aligned. Floats stay where they are, and are read from there when it is
// written.
class SafetensorsContent {
 public:
  explicit SafetensorsContent(std::span<const SavedTensor> tensors, const Metadata& metadata = {});
  // The parameters and the buffers.
  explicit SafetensorsContent(const Parameters& parameters, const Metadata& metadata = {});
  SafetensorsContent(const SafetensorsContent&) = delete;

  FileParts parts() const { return parts_; }

 private:
  std::string header_;
  std::deque<std::vector<std::int64_t>> integers_;  // which parts_ refers to
  std::vector<std::string_view> parts_;
};

// The file appears whole or not at all.
void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata = {});

// Fills the tensors, which must be exactly the file's, by name, shape and kind of number. Throws
// InputError; then nothing is changed, unless the disk failed.
void load_tensors(SafetensorsFile& file, std::span<const LoadedTensor> tensors);
void load_parameters(const std::filesystem::path& file, Parameters& parameters);

}  // namespace nn
