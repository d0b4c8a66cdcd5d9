#include "fl/vertical/models.h"

#include <memory>
#include <numeric>

#include "fl/vertical/layers.h"
#include "nn/layers.h"
#include "nn/ops.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace fl::vertical {

namespace {

class Bottom : public nn::Model {
 public:
  Bottom(nn::index columns, double dropout, nn::Generator& generator)
      : fc1_(scope(generator)("fc1"), columns, 2 * columns),
        fc2_(scope(generator)("fc2"), 2 * columns, 2 * columns),
        dropout_(mode(), dropout) {}

  nn::Var forward(nn::Var x) override { return dropout_(nn::relu(fc2_(nn::relu(fc1_(x))))); }

 private:
  Linear fc1_, fc2_;
  nn::Dropout dropout_;
};

class Top : public nn::Model {
 public:
  Top(nn::index inputs, const Config& config, nn::Generator& generator)
      : fc1_(scope(generator)("fc1"), inputs, 128),
        fc2_(scope(generator)("fc2"), 128, 256),
        fc3_(scope(generator)("fc3"), 256, config.classes),
        dropout_(mode(), config.dropout),
        drops_scores_(config.quirks.drops_scores) {}

  nn::Var forward(nn::Var x) override {
    x = fc3_(nn::leaky_relu(fc2_(nn::leaky_relu(fc1_(x)))));
    return drops_scores_ ? dropout_(nn::leaky_relu(x)) : x;
  }

 private:
  Linear fc1_, fc2_, fc3_;
  nn::Dropout dropout_;
  bool drops_scores_;
};

}  // namespace

std::unique_ptr<nn::Model> make_bottom(const Config& config, int client, nn::Generator& generator) {
  return std::make_unique<Bottom>(config.columns.at(client), config.dropout, generator);
}

std::unique_ptr<nn::Model> make_top(const Config& config, nn::Generator& generator) {
  const nn::index columns =
      std::accumulate(config.columns.begin(), config.columns.end(), nn::index{0});
  return std::make_unique<Top>(2 * columns, config, generator);
}

}  // namespace fl::vertical
