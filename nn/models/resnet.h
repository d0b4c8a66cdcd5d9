#pragma once

#include <optional>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// A small residual network (He et al. 2016): a 3x3 convolution, then one block each with 16, 32 and
// 64 channels, the last two with stride 2; means over all pixels and a linear layer. Group
// normalisation with 8 groups; convolutions have biases. 78,378 parameters for CIFAR-10.
// [n, channels, height, width] -> [n, classes]
class ResNet8 : public Model {
 public:
  ResNet8(InputShape input, index classes, Generator& generator);
  Var forward(Var x) override;

 private:
  static constexpr index groups = 8, width = 16;

  // y = relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)); without a stride, shortcut(x) = x.
  class Block {
   public:
    Block(const Scope& scope, index in, index out, index stride);
    Var operator()(Var x) const;

   private:
    Conv2d conv1_;
    GroupNorm norm1_;
    Conv2d conv2_;
    GroupNorm norm2_;
    struct Projection {
      Conv2d conv;
      GroupNorm norm;
    };
    std::optional<Projection> shortcut_;
  };

  Conv2d conv_;
  GroupNorm norm_;
  std::vector<Block> blocks_;
  Linear fc_;
};

}  // namespace nn
