#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/safetensors.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Weights in files that PyTorch and Hugging Face read: the safetensors format.
namespace nn {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;
  Metadata metadata;
};

// Reads a whole file, with SafetensorsFile's checks. Throws InputError.
Checkpoint read_safetensors(const std::filesystem::path& file);

// Numbers in memory and their name and shape in a file, to be saved or loaded.
template <class Number>
struct NamedNumbers {
  std::string name;
  Shape shape;
  std::span<Number> numbers;
  bool is_integer = false;  // I64 in the file
};
using SavedTensor = NamedNumbers<const real>;
using LoadedTensor = NamedNumbers<real>;

// The content of a file to be written: integers as I64, then floats as F32 (F64 in the double
// build), so that all are aligned. Floats are not copied: they must stay in place until the file is
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
  std::deque<std::vector<std::int64_t>> integers_;  // referred to by parts_
  std::vector<std::string_view> parts_;
};

// Writes atomically: the complete file appears, or none.
void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata = {});

// Fills the tensors, which must match the file's exactly by name, shape and kind of number. Throws
// InputError, and then changes nothing unless the disk failed.
void load_tensors(SafetensorsFile& file, std::span<const LoadedTensor> tensors);
void load_parameters(const std::filesystem::path& file, Parameters& parameters);

}  // namespace nn
