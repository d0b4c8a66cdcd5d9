#pragma once

#include <string_view>

#include "nn/model.h"
#include "nn/tensor.h"

namespace nn {

// Throws InputError, in the model's name, unless both sides of the images have so many pixels.
void require_image_size(std::string_view model, InputShape input, index smallest);

}  // namespace nn
