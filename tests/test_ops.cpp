#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <utility>

#include "nn/base/file.h"
#include "nn/ops.h"

// Every operation is one row of a table; the loops below check each row's gradients.
namespace {

using nn::ConstView, nn::index, nn::MaskView, nn::real, nn::Shape, nn::Tape, nn::Epilogue, nn::Var,
    nn::View;
using Vars = std::vector<Var>;

struct Row {
  std::string name;  // begins with the operation's name
  std::vector<Shape> shapes;
  Var (*apply)(const Vars& x);
};

constexpr std::uint64_t mask_words[] = {0xb5297a4d68e31da4, 0x1b56c4e9f0a3d702};
constexpr int ids[] = {4, 0, 4, 2, 4};
constexpr int targets[] = {1, 0, 4, 1};
constexpr int some_targets[] = {1, -100, 4, -1};
constexpr int far_targets[] = {2099, 0, -1, 1999};

const std::vector<Row> table{
    {"add of equal shapes", {{3, 4}, {3, 4}}, [](const Vars& x) { return add(x[0], x[1]); }},
    {"add of a row to every row", {{3, 4}, {4}}, [](const Vars& x) { return add(x[0], x[1]); }},
    {"add of a matrix to every matrix",
     {{2, 2, 3, 2}, {3, 2}},
     [](const Vars& x) { return add(x[0], x[1]); }},
    {"add of one number to all",
     {{2, 3}, {1}},
     [](const Vars& x) {
       return add(x[0].tape().reshape(x[0], {6, 1}), x[1]);
     }},
    {"add of a number without dimensions",
     {{2, 3}, {}},
     [](const Vars& x) { return add(x[0], x[1]); }},
    {"add of a value to itself", {{2, 3}}, [](const Vars& x) { return add(x[0], x[0]); }},
    {"add_ over a product, to what it was made from",
     {{3, 4}, {3, 4}},
     [](const Vars& x) { return add_(multiply(x[0], x[1]), x[0]); }},
    {"add_ over a constant's product",
     {{3, 4}},
     [](const Vars& x) {
       static const nn::Tensor zeros({3, 4});
       const Var zero = x[0].tape().constant(zeros);
       return add_(multiply(zero, zero), x[0]);
     }},
    {"multiply of equal shapes",
     {{3, 4}, {3, 4}},
     [](const Vars& x) { return multiply(x[0], x[1]); }},
    {"multiply of every row by a row",
     {{3, 4}, {4}},
     [](const Vars& x) { return multiply(x[0], x[1]); }},
    {"multiply of every matrix by a matrix",
     {{2, 2, 3, 2}, {3, 2}},
     [](const Vars& x) { return multiply(x[0], x[1]); }},
    {"multiply of all by a number without dimensions",
     {{2, 3}, {}},
     [](const Vars& x) { return multiply(x[0], x[1]); }},
    {"multiply of a value by itself", {{2, 3}}, [](const Vars& x) { return multiply(x[0], x[0]); }},
    {"relu", {{3, 5}}, [](const Vars& x) { return relu(x[0]); }},
    {"gelu", {{3, 5}}, [](const Vars& x) { return gelu(x[0]); }},
    {"silu", {{3, 5}}, [](const Vars& x) { return silu(x[0]); }},
    {"swiglu", {{3, 5}, {3, 5}}, [](const Vars& x) { return swiglu(x[0], x[1]); }},
    {"swiglu of a value with itself", {{3, 5}}, [](const Vars& x) { return swiglu(x[0], x[0]); }},
    {"dropout",
     {{3, 8}},
     [](const Vars& x) {
       return dropout(x[0], 0.5, {mask_words, 0});
     }},
    {"dropout by the middle of a mask",
     {{5, 7}},
     [](const Vars& x) {
       return dropout(x[0], 0.25, {mask_words, 47});
     }},
    {"leaky_relu", {{3, 5}}, [](const Vars& x) { return leaky_relu(x[0]); }},
    {"leaky_relu with a steep negative side",
     {{3, 5}},
     [](const Vars& x) { return leaky_relu(x[0], real(0.3)); }},
    {"tanh", {{3, 5}}, [](const Vars& x) { return tanh(x[0]); }},
    {"sigmoid", {{3, 5}}, [](const Vars& x) { return sigmoid(x[0]); }},
    {"gelu_tanh", {{3, 5}}, [](const Vars& x) { return gelu_tanh(x[0]); }},

    {"linear with a bias",
     {{4, 5}, {3, 5}, {3}},
     [](const Vars& x) { return linear(x[0], x[1], x[2]); }},
    {"linear without a bias", {{4, 5}, {3, 5}}, [](const Vars& x) { return linear(x[0], x[1]); }},
    {"linear of one vector",
     {{5}, {3, 5}, {3}},
     [](const Vars& x) { return linear(x[0], x[1], x[2]); }},
    {"linear of a batch of sequences",
     {{2, 3, 5}, {4, 5}, {4}},
     [](const Vars& x) { return linear(x[0], x[1], x[2]); }},
    {"matmul", {{3, 5}, {5, 4}}, [](const Vars& x) { return matmul(x[0], x[1]); }},
    {"matmul of a matrix with itself", {{3, 3}}, [](const Vars& x) { return matmul(x[0], x[0]); }},

    {"conv2d of one channel",
     {{2, 1, 5, 4}, {3, 1, 3, 3}, {3}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2]); }},
    {"conv2d of many channels",
     {{2, 3, 4, 5}, {2, 3, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2]); }},
    {"conv2d with stride 2 that skips the last column",
     {{1, 2, 5, 6}, {3, 2, 3, 3}, {3}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 2); }},
    {"conv2d of channels in fours",
     {{2, 4, 4, 5}, {4, 4, 3, 3}, {4}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2]); }},
    {"conv2d of channels in fours with padding 1",
     {{2, 4, 3, 2}, {8, 4, 3, 3}, {8}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1); }},
    {"conv2d of channels in eights with padding 1",
     {{1, 8, 5, 6}, {8, 8, 3, 3}, {8}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1); }},
    {"conv2d of one channel and a relu",
     {{2, 1, 5, 4}, {4, 1, 3, 3}, {4}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 0, Epilogue::relu); }},
    {"conv2d with stride 2 and a relu",
     {{2, 2, 5, 4}, {2, 2, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 2, 1, Epilogue::relu); }},
    {"conv2d of channels in fours, a relu and max-pooling",
     {{2, 4, 5, 6}, {4, 4, 3, 3}, {4}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1, Epilogue::relu_max_pool); }},
    {"conv2d of channels in eights, a relu and max-pooling",
     {{2, 8, 7, 5}, {8, 8, 3, 3}, {8}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1, Epilogue::relu_max_pool); }},
    {"conv2d with padding 1",
     {{2, 2, 4, 3}, {2, 2, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1); }},
    {"conv2d with stride 2 and padding 1",
     {{2, 2, 5, 4}, {2, 2, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 2, 1); }},
    {"conv2d with stride 3 and padding 2",
     {{1, 2, 5, 6}, {2, 2, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 3, 2); }},
    {"conv2d with an oblong kernel",
     {{1, 2, 5, 6}, {2, 2, 2, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 1); }},
    {"conv2d with a kernel of one pixel",
     {{2, 3, 3, 4}, {2, 3, 1, 1}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2]); }},
    {"conv2d with a kernel of the image's size",
     {{2, 2, 3, 4}, {2, 2, 3, 4}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2]); }},
    {"conv2d with padding wider than the image",
     {{2, 1, 1, 1}, {2, 1, 5, 5}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 1, 2); }},
    {"conv2d with stride 2 and a kernel that reaches over both sides",
     {{2, 1, 2, 1}, {2, 1, 3, 3}, {2}},
     [](const Vars& x) { return conv2d(x[0], x[1], x[2], 2, 1); }},
    {"max_pool2d of an even image",
     {{2, 2, 4, 6}},
     [](const Vars& x) { return max_pool2d(x[0], 2); }},
    {"max_pool2d of a wide image",
     {{1, 2, 3, 39}},
     [](const Vars& x) { return max_pool2d(x[0], 2); }},
    {"max_pool2d that leaves the last row and column out",
     {{2, 2, 5, 3}},
     [](const Vars& x) { return max_pool2d(x[0], 2); }},
    {"max_pool2d with windows that overlap",
     {{1, 2, 6, 5}},
     [](const Vars& x) { return max_pool2d(x[0], 3, 1); }},
    {"max_pool2d with gaps between the windows",
     {{1, 2, 5, 7}},
     [](const Vars& x) { return max_pool2d(x[0], 2, 3); }},
    {"average_pool2d of an even image",
     {{2, 2, 4, 6}},
     [](const Vars& x) { return average_pool2d(x[0], 2); }},
    {"average_pool2d that leaves the last row and column out",
     {{2, 2, 5, 3}},
     [](const Vars& x) { return average_pool2d(x[0], 2); }},
    {"average_pool2d with windows that overlap",
     {{1, 2, 6, 5}},
     [](const Vars& x) { return average_pool2d(x[0], 3, 2); }},

    {"layer_norm", {{4, 6}, {6}, {6}}, [](const Vars& x) { return layer_norm(x[0], x[1], x[2]); }},
    {"layer_norm of a batch with a large epsilon",
     {{2, 3, 5}, {5}, {5}},
     [](const Vars& x) { return layer_norm(x[0], x[1], x[2], real(0.5)); }},
    {"rms_norm", {{4, 6}, {6}}, [](const Vars& x) { return rms_norm(x[0], x[1]); }},
    {"rms_norm of a batch with a large epsilon",
     {{2, 3, 5}, {5}},
     [](const Vars& x) { return rms_norm(x[0], x[1], real(0.5)); }},
    {"batch_norm of rows",
     {{4, 6}, {6}, {6}},
     [](const Vars& x) { return batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm of images",
     {{2, 3, 4, 5}, {3}, {3}},
     [](const Vars& x) { return batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm of one image with a large epsilon",
     {{1, 2, 3, 7}, {2}, {2}},
     [](const Vars& x) { return batch_norm(x[0], x[1], x[2], real(0.5)); }},
    {"batch_norm by given moments",
     {{2, 3, 4, 5}, {3}, {3}},
     [](const Vars& x) {
       static constexpr real mean[] = {real(0.5), real(-0.3), 0}, variance[] = {2, real(0.4), 1};
       return batch_norm(x[0], x[1], x[2], {mean, {3}}, {variance, {3}});
     }},
    {"group_norm of rows",
     {{3, 6}, {6}, {6}},
     [](const Vars& x) { return group_norm(x[0], 2, x[1], x[2]); }},
    {"group_norm of images",
     {{2, 4, 3, 5}, {4}, {4}},
     [](const Vars& x) { return group_norm(x[0], 2, x[1], x[2]); }},
    {"group_norm of every channel by itself",
     {{2, 3, 4, 5}, {3}, {3}},
     [](const Vars& x) { return group_norm(x[0], 3, x[1], x[2], real(0.5)); }},

    {"rotary_embedding of two heads",
     {{5, 8}},
     [](const Vars& x) { return rotary_embedding(x[0], 4, 5); }},
    {"rotary_embedding of two sequences that begin later",
     {{6, 8}},
     [](const Vars& x) { return rotary_embedding(x[0], 4, 3, 100, 7); }},
    {"rotary_embedding_ over a sum, then another",
     {{6, 8}, {8}},
     [](const Vars& x) {
       return rotary_embedding_(rotary_embedding_(add(x[0], x[1]), 4, 3, 100, 7), 8, 6);
     }},
    {"causal_attention of one head",
     {{5, 4}, {5, 4}, {5, 4}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 4, 5); }},
    {"causal_attention of two heads and two sequences",
     {{6, 4}, {6, 4}, {6, 4}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 2, 3); }},
    {"causal_attention with heads in groups",
     {{6, 12}, {6, 6}, {6, 6}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 3, 3); }},
    {"causal_attention with one head for all",
     {{4, 6}, {4, 2}, {4, 2}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 2, 4); }},
    {"causal_attention of the last tokens of two sequences",
     {{4, 8}, {10, 4}, {10, 4}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 2, 2); }},
    {"causal_attention of more queries than a block has",
     {{70, 2}, {70, 2}, {70, 2}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 2, 70); }},
    {"causal_attention of one token",
     {{3, 4}, {3, 4}, {3, 4}},
     [](const Vars& x) { return causal_attention(x[0], x[1], x[2], 2, 1); }},

    {"embedding with ids that repeat",
     {{7, 3}},
     [](const Vars& x) { return embedding(ids, x[0]); }},
    {"columns from the middle", {{4, 6}}, [](const Vars& x) { return columns(x[0], 2, 3); }},
    {"columns that are added up",
     {{3, 4}},
     [](const Vars& x) { return add(columns(x[0], 0, 2), columns(x[0], 2, 2)); }},
    {"flatten", {{2, 3, 2, 2}}, [](const Vars& x) { return flatten(x[0]); }},
    {"reshape",
     {{2, 6}},
     [](const Vars& x) {
       return x[0].tape().reshape(x[0], {3, 4});
     }},

    {"softmax", {{3, 5}}, [](const Vars& x) { return softmax(x[0]); }},
    {"softmax of a batch of sequences", {{2, 2, 3}}, [](const Vars& x) { return softmax(x[0]); }},
    {"log_softmax", {{3, 5}}, [](const Vars& x) { return log_softmax(x[0]); }},
    {"nll_loss", {{4, 5}}, [](const Vars& x) { return nll_loss(x[0], targets); }},
    {"nll_loss with targets left out",
     {{4, 5}},
     [](const Vars& x) { return nll_loss(x[0], some_targets); }},
    {"cross_entropy", {{4, 5}}, [](const Vars& x) { return cross_entropy(x[0], targets); }},
    {"linear_cross_entropy",
     {{4, 3}, {5, 3}},
     [](const Vars& x) { return linear_cross_entropy(x[0], x[1], targets); }},
    {"linear_cross_entropy with targets left out",
     {{4, 3}, {5, 3}},
     [](const Vars& x) { return linear_cross_entropy(x[0], x[1], some_targets); }},
    {"linear_cross_entropy of more classes than a block has",
     {{4, 1}, {2100, 1}},
     [](const Vars& x) { return linear_cross_entropy(x[0], x[1], far_targets); }},
    {"cross_entropy with targets left out",
     {{4, 5}},
     [](const Vars& x) { return cross_entropy(x[0], some_targets); }},
    {"mse_loss", {{3, 4}, {3, 4}}, [](const Vars& x) { return mse_loss(x[0], x[1]); }},
    {"mse_loss of a value and itself",
     {{3, 4}},
     [](const Vars& x) { return mse_loss(x[0], x[0]); }},

    {"two linear layers around gelu",
     {{3, 4}, {5, 4}, {2, 5}},
     [](const Vars& x) { return linear(gelu(linear(x[0], x[1])), x[2]); }},
    {"a weight computed from weights",
     {{3, 4}, {5, 4}, {4}},
     [](const Vars& x) { return linear(x[0], multiply(x[1], silu(x[2]))); }},
    {"a value that goes on beside its own norm",
     {{3, 4}, {4}, {4, 4}},
     [](const Vars& x) { return add(x[0], linear(rms_norm(x[0], x[1]), x[2])); }},
    {"a small convolutional network",
     {{2, 1, 6, 6}, {2, 1, 3, 3}, {2}, {3, 8}},
     [](const Vars& x) {
       const Var features = flatten(average_pool2d(silu(conv2d(x[0], x[1], x[2])), 2));
       return nll_loss(log_softmax(linear(features, x[3])), std::span(targets).first(2));
     }},
};

// A row's inputs, and its result as one number: the sum of y under fixed weights.
class Inputs {
 public:
  enum class Role { parameter, input, constant };
  using Roles = std::vector<Role>;

  explicit Inputs(const Row& row) : row_(row) {
    nn::Generator generator(1);
    for (const Shape& shape : row.shapes) {
      const int number = parameters_.add(std::to_string(parameters_.infos().size()), shape);
      const std::vector<int> order = generator.permutation(static_cast<int>(shape.size()));
      const View value = parameters_.value(number);
      // Evenly spaced in (-1.5, 1.5): relu and max-pooling have their kinks at 0 and at ties.
      for (index i = 0; i < value.size(); ++i)
        value[i] = static_cast<real>(3 * (order[i] + 0.75) / order.size() - 1.5);
      if (value.size() == 1) value[0] = real(0.7);
    }
  }

  Tape& tape() { return tape_; }
  nn::Parameters& parameters() { return parameters_; }
  Roles all(Role role) const { return Roles(row_.shapes.size(), role); }

  struct Pass {
    Vars x;
    Var loss;
  };
  Pass forward(const Roles& roles, bool is_recording = true) {
    tape_.reset();
    tape_.set_recording(is_recording);
    Pass pass;
    for (int i = 0; i < static_cast<int>(roles.size()); ++i) {
      const View value = parameters_.value(i);
      pass.x.push_back(roles[i] == Role::parameter ? tape_.parameter({&parameters_, i})
                       : roles[i] == Role::input   ? tape_.input(value)
                                                   : tape_.constant(value));
    }
    pass.loss = weighted_sum(row_.apply(pass.x));
    return pass;
  }

  Var weighted_sum(Var y) {
    const Shape flat{1, y.value().size()};
    const std::span<real> weights = tape_.arena().allocate_array<real>(flat.size());
    nn::Generator(2).uniform(weights, 0.2, 1);
    for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] *= -1;
    return linear(tape_.reshape(y, flat), tape_.constant({weights.data(), flat}));
  }

  double loss() { return forward(all(Role::constant), false).loss.value()[0]; }

  // All gradients after backward(), one input after the other.
  std::vector<real> gradients(const Roles& roles) {
    parameters_.zero_gradients();
    const Pass pass = forward(roles);
    tape_.backward(pass.loss);
    return collect(pass.x);
  }

  std::vector<real> collect(const Vars& x) const {
    std::vector<real> all;
    for (const Var& var : x) all.insert(all.end(), var.gradient().begin(), var.gradient().end());
    return all;
  }

 private:
  const Row& row_;
  Tape tape_;
  nn::Parameters parameters_;
};
using Role = Inputs::Role;

// In float the differences are coarse: they find a wrong formula, not a missing small term.
constexpr bool is_double = sizeof(real) == 8;
constexpr double epsilon = is_double ? 1e-5 : 1e-3;
constexpr double tolerance = is_double ? 1e-7 : 1e-2;

// How far the gradients are from central differences, relative to the input's largest.
double gradient_error(const Row& row) {
  Inputs inputs(row);
  nn::Parameters& parameters = inputs.parameters();
  const std::vector<real> gradients = inputs.gradients(inputs.all(Role::parameter));
  double worst = 0;
  for (const auto& info : parameters.infos()) {
    double largest = 0.01, error = 0;
    for (index i = info.offset; i < info.offset + info.shape.size(); ++i) {
      real& value = parameters.values()[i];
      const real kept = value, up = kept + real(epsilon), down = kept - real(epsilon);
      value = up;
      const double above = inputs.loss();
      value = down;
      const double below = inputs.loss();
      value = kept;
      const double slope = (above - below) / (double{up} - double{down});
      largest = std::max(largest, std::abs(slope));
      error = std::max(error, std::isfinite(gradients[i]) ? std::abs(slope - gradients[i]) : 1e300);
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}

// How far a gradient that was there before is from being added to.
double adding_error(const Row& row) {
  Inputs inputs(row);
  const auto roles = inputs.all(Role::parameter);
  const std::vector<real> alone = inputs.gradients(roles);
  const std::span<real> gradients = inputs.parameters().gradients();
  for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = static_cast<real>(i % 7 + 1);
  inputs.tape().backward(inputs.forward(roles).loss);
  double worst = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    worst = std::max<double>(worst, std::abs(gradients[i] - (i % 7 + 1) - alone[i]));
  return worst;
}

TEST_CASE("every operation's gradient is the slope of its result") {
  for (const Row& row : table) {
    CAPTURE(row.name);
    CHECK(gradient_error(row) < tolerance);
  }
}

TEST_CASE("every operation adds its gradients to what is there") {
  for (const Row& row : table) {
    CAPTURE(row.name);
    CHECK(adding_error(row) < (is_double ? 1e-12 : 1e-4));
  }
}

TEST_CASE("data half and weight half of the backward sweep are exactly the whole") {
  for (const Row& row : table) {
    CAPTURE(row.name);
    Inputs inputs(row);
    const std::vector<real> whole = inputs.gradients(inputs.all(Role::parameter));
    const auto count = static_cast<int>(row.shapes.size());
    for (int code = 0; code < std::pow(3, count); ++code) {  // every input in every role
      CAPTURE(code);
      auto roles = inputs.all(Role::parameter);
      for (int i = 0, rest = code; i < count; ++i, rest /= 3) roles[i] = Role{rest % 3};

      // What the roles allow to arrive; a constant gets nothing.
      const auto expected = [&](bool of_inputs, bool of_parameters) {
        std::vector<real> gradients(whole.size());
        for (int i = 0; i < count; ++i) {
          const auto& info = inputs.parameters().infos()[i];
          if ((roles[i] == Role::input && of_inputs) ||
              (roles[i] == Role::parameter && of_parameters))
            std::copy_n(whole.begin() + info.offset, info.shape.size(),
                        gradients.begin() + info.offset);
        }
        return gradients;
      };
      CHECK(inputs.gradients(roles) == expected(true, true));

      inputs.parameters().zero_gradients();
      const auto pass = inputs.forward(roles);
      const real one = 1;
      inputs.tape().backward_data(pass.loss, {&one, {1, 1}});
      CHECK(inputs.collect(pass.x) == expected(true, false));
      inputs.tape().backward_weights();
      CHECK(inputs.collect(pass.x) == expected(true, true));
    }
  }
}

// y = x^2 with a rule to try.
template <class Rule>
Var square(Var x, Rule rule) {
  const Var y = x.tape().result("square", x.shape(), x);
  std::ranges::transform(x.value(), x.tape().writable(y).data, [](real v) { return v * v; });
  Var(y).backward_to(x, rule(x.value()));
  return y;
}

// What becomes of a row's gradients when a value that it was computed from is overwritten before
// the backward sweep: each of its inputs in turn, then its result.
enum class Outcome { same, refused, spoiled };
std::vector<Outcome> outcomes_of_overwriting(const Row& row) {
  const auto count = static_cast<int>(row.shapes.size());
  const auto gradients_with = [&](int overwritten) {
    Inputs inputs(row);
    Tape& tape = inputs.tape();
    Vars x;
    for (int i = 0; i < count; ++i) {
      const Var weight = tape.parameter({&inputs.parameters(), i});
      const std::span<real> ones = tape.arena().allocate_array<real>(weight.value().size());
      std::ranges::fill(ones, real(1));
      x.push_back(multiply(weight, tape.constant({ones.data(), weight.shape()})));
    }
    const Var y = row.apply(x), loss = inputs.weighted_sum(y);
    if (overwritten >= 0) {
      const Var target = overwritten < count ? x[overwritten] : y;
      std::ranges::fill(tape.writable(tape.overwrite("spoil", target)), real(123));
    }
    tape.backward(loss);
    const auto gradients = inputs.parameters().gradients();
    return std::vector<real>(gradients.begin(), gradients.end());
  };
  const std::vector<real> expected = gradients_with(-1);
  std::vector<Outcome> outcomes;
  for (int overwritten = 0; overwritten <= count; ++overwritten) {
    CAPTURE(overwritten);
    try {
      const bool is_same = gradients_with(overwritten) == expected;
      outcomes.push_back(is_same ? Outcome::same : Outcome::spoiled);
    } catch (const nn::Error& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(": its gradient needs the result of ") != message.npos);
      CHECK(message.ends_with(", but spoil has overwritten it"));
      outcomes.push_back(Outcome::refused);
    }
  }
  return outcomes;
}

TEST_CASE("overwriting what a rule reads is an error, and what none reads changes nothing") {
  for (const Row& row : table) {
    CAPTURE(row.name);
    CHECK(std::ranges::count(outcomes_of_overwriting(row), Outcome::spoiled) == 0);
  }
}

TEST_CASE("the checks pass a right rule and catch wrong ones") {
  const Row right{"right", {{2, 3}}, [](const Vars& x) {
                    return square(x[0], [](ConstView v) {
                      return [v](ConstView dy, View dx) {
                        for (index i = 0; i < dx.size(); ++i) dx[i] += 2 * dy[i] * v[i];
                      };
                    });
                  }};
  const Row half{"half", {{2, 3}}, [](const Vars& x) {
                   return square(x[0], [](ConstView v) {
                     return [v](ConstView dy, View dx) {
                       for (index i = 0; i < dx.size(); ++i) dx[i] += dy[i] * v[i];
                     };
                   });
                 }};
  const Row one_wrong{"one element", {{2, 3}}, [](const Vars& x) {
                        return square(x[0], [](ConstView v) {
                          return [v](ConstView dy, View dx) {
                            for (index i = 0; i < 5; ++i) dx[i] += 2 * dy[i] * v[i];
                          };
                        });
                      }};
  const Row sets{"sets", {{2, 3}}, [](const Vars& x) {
                   return square(x[0], [](ConstView v) {
                     return [v](ConstView dy, View dx) {
                       for (index i = 0; i < dx.size(); ++i) dx[i] = 2 * dy[i] * v[i];
                     };
                   });
                 }};
  CHECK(gradient_error(right) < tolerance);
  CHECK(adding_error(right) < 1e-5);
  CHECK(gradient_error(half) > 0.1);
  CHECK(gradient_error(one_wrong) > 0.1);
  CHECK(adding_error(sets) > 0.5);

  using enum Outcome;
  CHECK(outcomes_of_overwriting(right) == std::vector{spoiled, same});  // it says not what it reads
  const auto outcomes_of = [](const std::string& name) {
    return outcomes_of_overwriting(*std::ranges::find(table, name, &Row::name));
  };
  CHECK(outcomes_of("add of equal shapes") == std::vector{same, same, same});
  CHECK(outcomes_of("multiply of equal shapes") == std::vector{refused, refused, same});
  CHECK(outcomes_of("linear with a bias") == std::vector{refused, refused, same, same});
  CHECK(outcomes_of("softmax") == std::vector{same, refused});
  CHECK(outcomes_of("conv2d of many channels") == std::vector{refused, refused, same, same});
  CHECK(outcomes_of("conv2d of one channel and a relu") ==
        std::vector{refused, refused, same, refused});
}

TEST_CASE("every operation in ops.h has a row") {
  const std::string header = nn::read_file("nn/ops.h");
  const std::regex declaration("\nVar (\\w+)\\(");
  int operations = 0;
  for (std::sregex_iterator match(header.begin(), header.end(), declaration), end; match != end;
       ++match, ++operations) {
    const std::string name = (*match)[1];
    CAPTURE(name);
    CHECK(std::ranges::any_of(table, [&](const Row& row) {
      return row.name == name || row.name.starts_with(name + ' ');
    }));
  }
  CHECK(operations >= 22);
}

}  // namespace
