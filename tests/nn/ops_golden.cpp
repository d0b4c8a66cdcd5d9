#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "nn/base/file.h"
#include "nn/ops.h"

// PyTorch's results in double (tests/golden/make_ops.py).
namespace {

using nlohmann::json;
using nn::index, nn::real, nn::Shape, nn::Tensor, nn::Var;
using Vars = std::vector<Var>;

Tensor tensor(const json& golden) {
  const auto extents = golden["shape"].get<std::vector<index>>();
  std::vector<real> values;
  for (double value : golden["values"]) values.push_back(static_cast<real>(value));
  return {Shape(extents), values};
}

index head_size(const Vars& x, const json& attributes) {
  return x[0].shape()[1] / attributes["heads"].get<index>();
}

using Apply = Var (*)(const Vars& x, const json& attributes);
const std::map<std::string, Apply> operations{
    {"add", [](const Vars& x, const json&) { return add(x[0], x[1]); }},
    {"multiply", [](const Vars& x, const json&) { return multiply(x[0], x[1]); }},
    {"relu", [](const Vars& x, const json&) { return relu(x[0]); }},
    {"gelu", [](const Vars& x, const json&) { return gelu(x[0]); }},
    {"silu", [](const Vars& x, const json&) { return silu(x[0]); }},
    {"linear",
     [](const Vars& x, const json&) {
       return x.size() == 3 ? linear(x[0], x[1], x[2]) : linear(x[0], x[1]);
     }},
    {"matmul", [](const Vars& x, const json&) { return matmul(x[0], x[1]); }},
    {"conv2d", [](const Vars& x,
                  const json& a) { return conv2d(x[0], x[1], x[2], a["stride"], a["padding"]); }},
    {"max_pool2d",
     [](const Vars& x, const json& a) { return max_pool2d(x[0], a["kernel_size"], a["stride"]); }},
    {"avg_pool2d",
     [](const Vars& x, const json& a) {
       return average_pool2d(x[0], a["kernel_size"], a["stride"]);
     }},
    {"global_average_pool", [](const Vars& x, const json&) { return global_average_pool(x[0]); }},
    {"embedding", [](const Vars& x,
                     const json& a) { return embedding(a["ids"].get<std::vector<int>>(), x[0]); }},
    {"layer_norm",
     [](const Vars& x, const json& a) { return layer_norm(x[0], x[1], x[2], a["eps"]); }},
    {"rms_norm", [](const Vars& x, const json& a) { return rms_norm(x[0], x[1], a["eps"]); }},
    {"rotary",
     [](const Vars& x, const json& a) {
       return rotary_embedding(x[0], head_size(x, a), a["tokens"], a["theta"]);
     }},
    {"causal_attention",
     [](const Vars& x, const json& a) {
       return causal_attention(x[0], x[1], x[2], head_size(x, a),
                               x[0].shape()[0] / a["batch"].get<index>());
     }},
    {"softmax", [](const Vars& x, const json&) { return softmax(x[0]); }},
    {"log_softmax", [](const Vars& x, const json&) { return log_softmax(x[0]); }},
    {"nll_loss", [](const Vars& x,
                    const json& a) { return nll_loss(x[0], a["labels"].get<std::vector<int>>()); }},
    {"cross_entropy",
     [](const Vars& x, const json& a) {
       return cross_entropy(x[0], a["labels"].get<std::vector<int>>());
     }},
    {"mse_loss", [](const Vars& x, const json&) { return mse_loss(x[0], x[1]); }},
    {"leaky_relu",
     [](const Vars& x, const json& a) { return leaky_relu(x[0], a["negative_slope"]); }},
    {"tanh", [](const Vars& x, const json&) { return tanh(x[0]); }},
    {"sigmoid", [](const Vars& x, const json&) { return sigmoid(x[0]); }},
    {"gelu_tanh", [](const Vars& x, const json&) { return gelu_tanh(x[0]); }},
    {"batch_norm",
     [](const Vars& x, const json& a) {
       return batch_norm(x[0], x[1], x[2], a["eps"].get<real>());
     }},
    {"batch_norm by",
     [](const Vars& x, const json& a) {
       const auto mean = a["mean"].get<std::vector<real>>();
       const auto variance = a["variance"].get<std::vector<real>>();
       const Shape channels{static_cast<index>(mean.size())};
       return batch_norm(x[0], x[1], x[2], {mean.data(), channels}, {variance.data(), channels},
                         a["eps"].get<real>());
     }},
    {"group_norm",
     [](const Vars& x, const json& a) {
       return group_norm(x[0], a["groups"], x[1], x[2], a["eps"]);
     }},
};

// The largest difference, relative for numbers above 1; infinite if any is not a number.
double difference(std::span<const real> ours, const json& golden) {
  REQUIRE(ours.size() == golden["values"].size());
  double worst = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double theirs = golden["values"][i];
    const double error = std::abs(ours[i] - theirs) / std::max(1.0, std::abs(theirs));
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

TEST_CASE("outputs and gradients of every operation are PyTorch's") {
  constexpr double tolerance = sizeof(real) == 8 ? 1e-9 : 1e-4;
  const json goldens = json::parse(nn::read_file("tests/golden/ops.json"));
  CHECK(goldens.size() >= 40);
  for (const json& golden : goldens) {
    const auto name = golden["op"].get<std::string>(), scenario = golden["case"].get<std::string>();
    CAPTURE(name);
    CAPTURE(scenario);
    REQUIRE(operations.contains(name));
    std::vector<Tensor> inputs;
    for (const json& input : golden["inputs"]) inputs.push_back(tensor(input));
    nn::Tape tape;
    Vars x;
    for (const Tensor& input : inputs) x.push_back(tape.input(input));
    const Var y = operations.at(name)(x, golden["attributes"]);

    const Tensor dy = tensor(golden["dy"]);
    if (dy.shape().rank() > 0) CHECK(y.shape() == dy.shape());  // ours of a loss is [1]
    CHECK(difference(y.value().span(), golden["output"]) < tolerance);
    tape.backward_data(y, dy.view().reshaped(y.shape()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(i);
      CHECK(difference(x[i].gradient().span(), golden["gradients"][i]) < tolerance);
    }
  }
}

}  // namespace
