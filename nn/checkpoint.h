#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/parameters.h"

// Weights in files that PyTorch and Hugging Face read: the safetensors format.
namespace nn {

using Metadata = std::map<std::string, std::string>;

struct Checkpoint {
  std::map<std::string, Tensor> tensors;
  Metadata metadata;
};

// Every byte is checked: sizes before memory is taken, offsets that tile the data exactly, names
// that occur once. F32, F64, F16 and BF16 are turned into `real`. Throws InputError.
Checkpoint read_safetensors(const std::filesystem::path& file);

// F32 (F64 in the double build). The file appears whole or not at all.
void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata = {});

// The file's tensors must be exactly the model's, by name and shape. Throws InputError.
void load_parameters(const std::filesystem::path& file, Parameters& parameters);

}  // namespace nn
