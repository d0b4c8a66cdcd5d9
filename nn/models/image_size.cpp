#include "nn/models/image_size.h"

#include <string_view>

#include "nn/base/error.h"
#include "nn/model.h"
#include "nn/tensor.h"

namespace nn {

void require_image_size(std::string_view model, InputShape input, index smallest) {
  if (input.height < smallest || input.width < smallest)
    throw InputError(
        concat(model, ": images of ", input.height, " x ", input.width, " are too small"),
        concat("use images of at least ", smallest, " x ", smallest,
               ", or mlp, which takes any size"));
}

}  // namespace nn
