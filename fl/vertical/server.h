#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fl/vertical/client.h"
#include "fl/vertical/config.h"

namespace fl::vertical {

struct Epoch {
  double accuracy;  // percent of the training rows, while training
  double loss;      // mean over the batches
};

struct History {
  std::vector<Epoch> epochs;
  double test_accuracy = 0;  // percent
};

using Clients = std::vector<std::unique_ptr<Client>>;

// Split learning (Vepakomma et al. 2018) as the server does it: it has the labels of all rows and
// the top model, gets the clients' activations, and returns the gradients with respect to them.
// `on_epoch` is called after each epoch.
History train(
    const Config& config, const std::vector<int>& labels, const Clients& clients,
    const std::function<void(const Epoch&)>& on_epoch = [](const Epoch&) {});

}  // namespace fl::vertical
