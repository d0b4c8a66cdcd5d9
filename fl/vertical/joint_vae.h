#pragma once

#include <functional>
#include <vector>

#include "fl/vertical/config.h"
#include "nn/tensor.h"

namespace fl::vertical {

// Encodings have this many numbers per row and client.
constexpr nn::index code_width = 4;

// Exercise 3 of the course's second homework: one network over all parties, trained together. Each
// client's MLP encodes its columns; the server runs a VAE over the encodings side by side, cuts up
// its output, and each client's MLP decodes its part. The loss is the squared error of the clients'
// columns plus the server's KL divergence. Only encodings and gradients pass between parties.
//
// columns[i] are those of client i, [config.rows, config.columns[i]]. Returns the mean loss per row
// of each epoch; `on_epoch` is called after each.
std::vector<double> train_joint_vae(
    const Config& config, const std::vector<nn::Tensor>& columns,
    const std::function<void(double)>& on_epoch = [](double) {});

// What passes between server and clients in an epoch, in bytes: encodings and outputs, and the
// gradients of both.
double bytes_of_epoch(const Config& config);

}  // namespace fl::vertical
