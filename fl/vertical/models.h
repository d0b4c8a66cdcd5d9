#pragma once

#include <memory>

#include "fl/vertical/config.h"
#include "nn/model.h"
#include "nn/random.h"

namespace fl::vertical {

// A client's model: [n, columns] -> activations [n, 2 columns]. Linear, ReLU, linear, ReLU,
// dropout.
std::unique_ptr<nn::Model> make_bottom(const Config& config, int client, nn::Generator& generator);

// The server's: the clients' activations side by side, [n, 2 sum of columns] -> scores
// [n, classes]. Three linear layers, of widths 128, 256 and classes, with leaky ReLUs between them.
std::unique_ptr<nn::Model> make_top(const Config& config, nn::Generator& generator);

}  // namespace fl::vertical
