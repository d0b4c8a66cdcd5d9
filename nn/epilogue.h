#pragma once

namespace nn {

// What a convolution does to its outputs while they are in the cache: nothing more, a ReLU, or a
// ReLU and max-pooling over adjacent 2x2 windows.
enum class Epilogue { nothing, relu, relu_max_pool };

}  // namespace nn
