#include "fl/vertical/joint_vae.h"

#include <algorithm>
#include <iterator>

#include "nn/base/error.h"
#include "nn/models/tabular_vae.h"
#include "nn/ops.h"
#include "nn/optimizer.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"
#include "nn/variational.h"

namespace fl::vertical {

namespace {

// A number with this gradient with respect to x: where other parties continue the computation.
nn::Var continued(nn::Var x, nn::ConstView gradient) {
  nn::Var loss = x.tape().result("continued", {1}, x);
  x.tape().writable(loss).data[0] = 0;
  loss.backward_to(x, [gradient](nn::ConstView dloss, nn::View dx) {
    for (nn::index i = 0; i < dx.size(); ++i) dx.data[i] += dloss.data[0] * gradient.data[i];
  });
  return loss;
}

// Copies the columns of client number `client` out of, or into, those of all.
nn::Tensor part_of(nn::ConstView all, nn::index client) {
  nn::Tensor part({all.shape[0], code_width});
  for (nn::index row = 0; row < all.shape[0]; ++row)
    std::copy_n(all.data + row * all.shape[1] + client * code_width, code_width,
                &part[row * code_width]);
  return part;
}
void put_part(nn::ConstView part, nn::index client, nn::View all) {
  for (nn::index row = 0; row < all.shape[0]; ++row)
    std::copy_n(part.data + row * code_width, code_width,
                all.data + row * all.shape[1] + client * code_width);
}

}  // namespace

std::vector<double> train_joint_vae(const Config& config, const Coders& clients,
                                    const std::function<void(double)>& on_epoch) {
  nn::require(std::ssize(clients) == config.clients(), "joint VAE: ", clients.size(),
              " clients instead of ", config.clients());
  const nn::index width = code_width * config.clients();
  nn::Generator generator(config.seed);
  nn::TabularVae vae(width, generator);
  nn::Adam adam(1e-3);
  nn::Tape tape;

  std::vector<double> losses;
  double total = 0;
  for (const Pass& pass : passes_of(config)) {
    if (!pass.is_training) break;
    nn::Tensor codes({pass.rows, width}), gradients({pass.rows, width});
    for (int i = 0; i < config.clients(); ++i) put_part(clients[i]->encode(pass), i, codes);
    nn::Tensor noise({pass.rows, nn::TabularVae::latents});
    generator.normal(noise.span(), 0, 1);
    tape.reset();
    const nn::Var x = tape.input(codes);
    const auto [decoded, mean, log_variance] = vae.forward(x, noise);
    for (int i = 0; i < config.clients(); ++i) clients[i]->decode(part_of(decoded.value(), i));
    for (int i = 0; i < config.clients(); ++i) {
      const auto [error, gradient] = clients[i]->decoded();
      total += error;
      put_part(gradient, i, gradients);
    }
    const nn::Var divergence = nn::kl_divergence(mean, log_variance);
    total += divergence.value()[0];
    vae.parameters().zero_gradients();
    tape.backward(nn::add(continued(decoded, gradients), divergence));
    adam.step(vae.parameters().values(), vae.parameters().gradients());
    for (int i = 0; i < config.clients(); ++i) clients[i]->learn(part_of(x.gradient(), i));
    if (pass.first + pass.rows < config.train_rows) continue;
    losses.push_back(total / config.train_rows);
    on_epoch(losses.back());
    total = 0;
  }
  return losses;
}

double bytes_of_epoch(const Config& config) {
  constexpr int tensors = 4;  // encoding, output, and the gradient of each
  return static_cast<double>(tensors * config.train_rows * config.clients() * code_width *
                             static_cast<nn::index>(sizeof(nn::real)));
}

}  // namespace fl::vertical
