#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fl/vertical/coder.h"
#include "fl/vertical/config.h"

namespace fl::vertical {

using Coders = std::vector<std::unique_ptr<Coder>>;

// Exercise 3 of the course's second homework: one network over all parties, trained together. Each
// client's MLP encodes its columns; the server runs a VAE over the encodings side by side, cuts up
// its output, and each client's MLP decodes its part. The loss is the squared error of the clients'
// columns plus the server's KL divergence. Encodings, outputs, their gradients and each client's
// error pass between parties, and nothing else.
//
// Returns the mean loss per row of each epoch; `on_epoch` is called after each.
std::vector<double> train_joint_vae(
    const Config& config, const Coders& clients,
    const std::function<void(double)>& on_epoch = [](double) {});

// What passes between server and clients in an epoch, in bytes: encodings and outputs, and the
// gradients of both.
double bytes_of_epoch(const Config& config);

}  // namespace fl::vertical
