#include <doctest/doctest.h>

#include "nn/ops.h"

namespace {

using nn::real, nn::Shape, nn::Tape, nn::Var;

Var zeros(Tape& tape, Shape shape) {
  const Var x = tape.result("zeros", shape);
  std::ranges::fill(tape.writable(x), real(0));
  return x;
}

// The first word is the operation's name.
struct Row {
  std::string name;
  std::vector<Shape> shapes;
  void (*apply)(const std::vector<Var>& x);
};
using Vars = std::vector<Var>;

const std::vector<Row> table{
    {"add of different shapes", {{3, 4}, {3, 5}}, [](const Vars& x) { add(x[0], x[1]); }},
    {"add of a larger second value", {{4}, {3, 4}}, [](const Vars& x) { add(x[0], x[1]); }},
    {"add of a head instead of a tail", {{3, 4}, {3}}, [](const Vars& x) { add(x[0], x[1]); }},
    {"add of a column", {{3, 4}, {3, 1}}, [](const Vars& x) { add(x[0], x[1]); }},
    {"add of nothing to something", {{3, 4}, {0}}, [](const Vars& x) { add(x[0], x[1]); }},
    {"multiply of different shapes", {{3, 4}, {3, 5}}, [](const Vars& x) { multiply(x[0], x[1]); }},
    {"multiply by a head", {{3, 4}, {3}}, [](const Vars& x) { multiply(x[0], x[1]); }},
    {"dropout of everything", {{3}}, [](const Vars& x) { dropout(x[0], 1, {}); }},
    {"dropout with a negative probability", {{3}}, [](const Vars& x) { dropout(x[0], -0.1, {}); }},
    {"dropout with a probability that is no number",
     {{3}},
     [](const Vars& x) { dropout(x[0], std::numeric_limits<double>::quiet_NaN(), {}); }},

    {"linear with a transposed weight",
     {{4, 5}, {5, 3}},
     [](const Vars& x) { linear(x[0], x[1]); }},
    {"linear with a weight of one dimension",
     {{4, 5}, {5}},
     [](const Vars& x) { linear(x[0], x[1]); }},
    {"linear with a number as weight", {{4, 1}, {}}, [](const Vars& x) { linear(x[0], x[1]); }},
    {"linear of a number", {{}, {3, 1}}, [](const Vars& x) { linear(x[0], x[1]); }},
    {"linear with a bias of the input's size",
     {{4, 5}, {3, 5}, {5}},
     [](const Vars& x) { linear(x[0], x[1], x[2]); }},
    {"matmul of sizes that do not meet",
     {{3, 5}, {4, 5}},
     [](const Vars& x) { matmul(x[0], x[1]); }},
    {"matmul of three dimensions", {{2, 3, 5}, {5, 4}}, [](const Vars& x) { matmul(x[0], x[1]); }},
    {"matmul with a bias of the input's size",
     {{3, 5}, {5, 4}, {5}},
     [](const Vars& x) { matmul(x[0], x[1], x[2]); }},
    {"matmul with a vector", {{3, 5}, {5}}, [](const Vars& x) { matmul(x[0], x[1]); }},

    {"conv2d of three dimensions",
     {{3, 5, 5}, {2, 3, 3, 3}, {2}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with a weight of two dimensions",
     {{1, 3, 5, 5}, {2, 3}, {2}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with other channels",
     {{1, 3, 5, 5}, {2, 1, 3, 3}, {2}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with a bias of the input's channels",
     {{1, 3, 5, 5}, {2, 3, 3, 3}, {3}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with a kernel larger than the image",
     {{1, 1, 2, 5}, {1, 1, 3, 3}, {1}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with an empty kernel",
     {{1, 1, 5, 5}, {1, 1, 0, 3}, {1}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2]); }},
    {"conv2d with stride 0",
     {{1, 1, 5, 5}, {1, 1, 3, 3}, {1}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2], 0); }},
    {"conv2d with negative padding",
     {{1, 1, 5, 5}, {1, 1, 3, 3}, {1}},
     [](const Vars& x) { conv2d(x[0], x[1], x[2], 1, -1); }},
    {"max_pool2d of two dimensions", {{5, 5}}, [](const Vars& x) { max_pool2d(x[0], 2); }},
    {"max_pool2d with a window larger than the image",
     {{1, 1, 5, 2}},
     [](const Vars& x) { max_pool2d(x[0], 3); }},
    {"max_pool2d with an empty window", {{1, 1, 5, 5}}, [](const Vars& x) { max_pool2d(x[0], 0); }},
    {"max_pool2d with a negative stride",
     {{1, 1, 5, 5}},
     [](const Vars& x) { max_pool2d(x[0], 2, -1); }},
    {"average_pool2d of two dimensions", {{5, 5}}, [](const Vars& x) { average_pool2d(x[0], 2); }},
    {"average_pool2d with a window larger than the image",
     {{1, 1, 5, 2}},
     [](const Vars& x) { average_pool2d(x[0], 3); }},
    {"global_average_pool of two dimensions",
     {{5, 5}},
     [](const Vars& x) { global_average_pool(x[0]); }},

    {"layer_norm with a weight of another size",
     {{2, 3}, {2}, {3}},
     [](const Vars& x) { layer_norm(x[0], x[1], x[2]); }},
    {"layer_norm with a bias of another size",
     {{2, 3}, {3}, {2}},
     [](const Vars& x) { layer_norm(x[0], x[1], x[2]); }},
    {"rms_norm with a weight of another size",
     {{2, 3}, {2}},
     [](const Vars& x) { rms_norm(x[0], x[1]); }},
    {"batch_norm of a vector",
     {{3}, {3}, {3}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm of nothing",
     {{0, 3}, {3}, {3}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm with a weight for the columns",
     {{2, 3, 4, 5}, {5}, {5}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm with a bias of another size",
     {{2, 3}, {3}, {2}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2]); }},
    {"batch_norm by a mean of another size",
     {{2, 3}, {3}, {3}, {2}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2], x[3].value(), x[1].value()); }},
    {"batch_norm by a variance of another size",
     {{2, 3}, {3}, {3}, {2}},
     [](const Vars& x) { batch_norm(x[0], x[1], x[2], x[1].value(), x[3].value()); }},
    {"group_norm in groups of different sizes",
     {{2, 5, 3}, {5}, {5}},
     [](const Vars& x) { group_norm(x[0], 2, x[1], x[2]); }},
    {"group_norm in no groups",
     {{2, 4}, {4}, {4}},
     [](const Vars& x) { group_norm(x[0], 0, x[1], x[2]); }},
    {"group_norm in more groups than channels",
     {{2, 4}, {4}, {4}},
     [](const Vars& x) { group_norm(x[0], 8, x[1], x[2]); }},
    {"group_norm with a weight for the columns",
     {{2, 4, 6}, {6}, {6}},
     [](const Vars& x) { group_norm(x[0], 2, x[1], x[2]); }},
    {"group_norm_relu with a residual of another shape",
     {{2, 4, 6}, {4}, {4}, {4, 6}},
     [](const Vars& x) { group_norm_relu(x[0], x[3], 2, x[1], x[2]); }},
    {"rotary_embedding of odd heads",
     {{4, 6}},
     [](const Vars& x) { rotary_embedding(x[0], 3, 4); }},
    {"rotary_embedding of heads that do not fill a row",
     {{4, 6}},
     [](const Vars& x) { rotary_embedding(x[0], 4, 4); }},
    {"rotary_embedding of a ragged sequence",
     {{4, 6}},
     [](const Vars& x) { rotary_embedding(x[0], 2, 3); }},
    {"rotary_embedding of heads of size 0",
     {{4, 6}},
     [](const Vars& x) { rotary_embedding(x[0], 0, 4); }},
    {"causal_attention with fewer keys",
     {{4, 6}, {3, 6}, {3, 6}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 2, 2); }},
    {"causal_attention with values of another shape",
     {{4, 6}, {4, 6}, {4, 2}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 2, 2); }},
    {"causal_attention with groups of different sizes",
     {{4, 6}, {4, 4}, {4, 4}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 2, 2); }},
    {"causal_attention of heads that do not fill a row",
     {{4, 6}, {4, 6}, {4, 6}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 4, 2); }},
    {"causal_attention of a ragged sequence",
     {{4, 6}, {4, 6}, {4, 6}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 2, 3); }},
    {"causal_attention of sequences of length 0",
     {{4, 6}, {4, 6}, {4, 6}},
     [](const Vars& x) { causal_attention(x[0], x[1], x[2], 2, 0); }},

    {"embedding of an id outside",
     {{5, 2}},
     [](const Vars& x) {
       embedding(std::vector{0, 5}, x[0]);
     }},
    {"embedding of a negative id",
     {{5, 2}},
     [](const Vars& x) { embedding(std::vector{-1}, x[0]); }},
    {"embedding in a table of one dimension",
     {{5}},
     [](const Vars& x) { embedding(std::vector{0}, x[0]); }},
    {"flatten of no samples", {{0, 3}}, [](const Vars& x) { flatten(x[0]); }},
    {"flatten of a number", {{}}, [](const Vars& x) { flatten(x[0]); }},
    {"nll_loss with too few targets",
     {{3, 2}},
     [](const Vars& x) {
       nll_loss(x[0], std::vector{0, 1});
     }},
    {"nll_loss with a target outside",
     {{2, 2}},
     [](const Vars& x) {
       nll_loss(x[0], std::vector{0, 2});
     }},
    {"nll_loss of one dimension",
     {{2}},
     [](const Vars& x) {
       nll_loss(x[0], std::vector{0, 1});
     }},
    {"cross_entropy with too many targets",
     {{1, 2}},
     [](const Vars& x) {
       cross_entropy(x[0], std::vector{0, 1});
     }},
    {"linear_cross_entropy with a weight of other columns",
     {{2, 3}, {4, 2}},
     [](const Vars& x) {
       linear_cross_entropy(x[0], x[1], std::vector{0, 1});
     }},
    {"linear_cross_entropy with a target outside",
     {{2, 3}, {4, 3}},
     [](const Vars& x) {
       linear_cross_entropy(x[0], x[1], std::vector{0, 4});
     }},
    {"cross_entropy with a target outside",
     {{2, 2}},
     [](const Vars& x) {
       cross_entropy(x[0], std::vector{0, 2});
     }},
    {"mse_loss of different shapes", {{2, 3}, {3, 2}}, [](const Vars& x) { mse_loss(x[0], x[1]); }},
    {"mse_loss with a row", {{2, 3}, {3}}, [](const Vars& x) { mse_loss(x[0], x[1]); }},
};

TEST_CASE("an operation refuses shapes that do not fit, in its own name") {
  for (const Row& row : table) {
    CAPTURE(row.name);
    Tape tape;
    Vars x;
    for (const Shape& shape : row.shapes) x.push_back(zeros(tape, shape));
    std::string message = "nothing was thrown";
    try {
      row.apply(x);
    } catch (const nn::Error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.starts_with(row.name.substr(0, row.name.find(' ')) + ':'));
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a shape error says which shapes met") {
  Tape tape;
  CHECK_THROWS_WITH_AS(linear(zeros(tape, {4, 5}), zeros(tape, {3, 6})),
                       "linear: input [4, 5] does not fit weight [3, 6]", nn::Error);
}

}  // namespace
