#pragma once

#include <span>
#include <string_view>

#include "nn/model.h"

namespace nn {

// The course's network for MNIST, 1,199,882 parameters: two 3x3 convolutions, max-pooling, two
// linear layers, dropout before each. [n, 1, 28, 28] -> [n, 10]
class MnistCnn : public Model {
 public:
  explicit MnistCnn(Generator& generator);
  Var forward(Var x) override;

 private:
  Conv2d conv1_, conv2_;
  Dropout dropout1_, dropout2_;
  Linear fc1_, fc2_;
};

// Linear layers with relu between them. [n, ...] -> [n, last width]
class Mlp : public Model {
 public:
  Mlp(std::span<const index> widths, Generator& generator);
  Var forward(Var x) override;

 private:
  std::vector<Linear> layers_;
};

// The models that a program can name.
struct ModelEntry {
  std::string_view name;
  std::string_view description;
  std::unique_ptr<Model> (*make)(Generator&);
};
std::span<const ModelEntry> model_table();

}  // namespace nn
