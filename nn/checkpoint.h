#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/parameters.h"
#include "nn/safetensors.h"

// Weights in files that PyTorch and Hugging Face read: the safetensors format.
namespace nn {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;
  Metadata metadata;
};

// A whole file, with SafetensorsFile's checks. Throws InputError.
Checkpoint read_safetensors(const std::filesystem::path& file);

// F32 (F64 in the double build). The file appears whole or not at all.
void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata = {});

// The file's tensors must be exactly the model's, by name and shape. Throws InputError.
void load_parameters(const std::filesystem::path& file, Parameters& parameters);

}  // namespace nn
