#include "fl/vertical/joint_vae.h"

#include <algorithm>
#include <memory>

#include "nn/base/error.h"
#include "nn/layers.h"
#include "nn/models/tabular_vae.h"
#include "nn/ops.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/variational.h"

namespace fl::vertical {

namespace {

// Linear, ReLU, linear.
class Coder {
 public:
  Coder(nn::index in, nn::index hidden, nn::index out, nn::Generator& generator)
      : fc1_(nn::Scope(parameters_, generator)("fc1"), in, hidden),
        fc2_(nn::Scope(parameters_, generator)("fc2"), hidden, out) {}
  Coder(const Coder&) = delete;
  Coder& operator=(const Coder&) = delete;

  nn::Var operator()(nn::Var x) { return fc2_(nn::relu(fc1_(x))); }
  void step() {
    adam_.step(parameters_.values(), parameters_.gradients());
    parameters_.zero_gradients();
  }

 private:
  nn::Parameters parameters_;
  nn::Linear fc1_, fc2_;
  nn::Adam adam_{1e-3};
};

// A client: it encodes its rows, later decodes what the server returns, and then learns.
class CodingClient {
 public:
  CodingClient(const nn::Tensor& columns, std::uint64_t seed)
      : columns_(columns),
        generator_(seed),
        encoder_(width(), 2 * width(), code_width, generator_),
        decoder_(code_width, 2 * width(), width(), generator_) {}

  nn::ConstView encode(const Pass& pass) {
    rows_ = {columns_.view().data + pass.first * width(), {pass.rows, width()}};
    encoding_.reset();
    code_ = encoder_(encoding_.constant(rows_));
    return code_.value();
  }
  // The squared error of decoding the server's output, [rows, code_width].
  double decode(nn::ConstView output) {
    decoding_.reset();
    output_ = decoding_.input(output);
    const nn::Var loss = nn::squared_error(decoder_(output_), rows_);
    decoding_.backward(loss);
    decoder_.step();
    return loss.value()[0];
  }
  nn::ConstView output_gradient() const { return output_.gradient(); }
  void learn(nn::ConstView code_gradient) {
    encoding_.backward_data(code_, code_gradient);
    encoding_.backward_weights();
    encoder_.step();
  }

 private:
  nn::index width() const { return columns_.shape()[1]; }

  const nn::Tensor& columns_;
  nn::Generator generator_;
  Coder encoder_, decoder_;
  nn::Tape encoding_, decoding_;
  nn::ConstView rows_;
  nn::Var code_, output_;
};

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

std::vector<double> train_joint_vae(const Config& config, const std::vector<nn::Tensor>& columns,
                                    const std::function<void(double)>& on_epoch) {
  nn::require(std::ssize(columns) == config.clients(), "joint VAE: ", columns.size(),
              " tables for ", config.clients(), " clients");
  std::vector<std::unique_ptr<CodingClient>> clients;
  for (const nn::Tensor& mine : columns)  // every party draws from a seed of its own
    clients.push_back(std::make_unique<CodingClient>(mine, config.seed + 1 + clients.size()));
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
    for (int i = 0; i < config.clients(); ++i) {
      const nn::Tensor mine = part_of(decoded.value(), i);
      total += clients[i]->decode(mine);
      put_part(clients[i]->output_gradient(), i, gradients);
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
