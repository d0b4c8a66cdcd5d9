#include "nn/models/tabular_vae.h"

#include <cstddef>
#include <string>
#include <vector>

#include "nn/ops.h"
#include "nn/variational.h"

namespace nn {

TabularVae::TabularVae(index columns, Generator& generator)
    : encoder_(make_layers("encoder", {columns, 48, 32, 32, latents}, generator)),
      mean_(Scope(parameters_, generator)("mean"), latents, latents),
      log_variance_(Scope(parameters_, generator)("log_variance"), latents, latents),
      decoder_(make_layers("decoder", {latents, latents, 32, 32, 48, columns}, generator)) {}

std::vector<TabularVae::Layer> TabularVae::make_layers(const char* name,
                                                       const std::vector<index>& widths,
                                                       Generator& generator) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const Scope scope = Scope(parameters_, generator)(name)(std::to_string(i));
    layers.push_back({Linear(scope("linear"), widths[i], widths[i + 1]),
                      BatchNorm(scope("norm"), mode_, widths[i + 1])});
  }
  return layers;
}

TabularVae::Output TabularVae::forward(Var x, ConstView noise) {
  for (const Layer& layer : encoder_) x = relu(layer.norm(layer.linear(x)));
  const Var mean = mean_(x), log_variance = log_variance_(x);
  return {decode(reparameterize(mean, log_variance, noise)), mean, log_variance};
}

Var TabularVae::decode(Var z) {
  for (const Layer& layer : decoder_) {
    z = layer.norm(layer.linear(z));
    if (&layer != &decoder_.back()) z = relu(z);
  }
  return z;
}

}  // namespace nn
