#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "nn/model.h"
#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

// The models that programs offer by name.
struct ModelEntry {
  std::string_view name;
  std::string_view description;
  // Throws InputError if the images are too small for the network.
  std::unique_ptr<Model> (*make)(InputShape input, index classes, Generator& generator);
  bool (*takes)(InputKind);
};
std::span<const ModelEntry> model_table();

}  // namespace nn
