#pragma once

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// The course's network: two 3x3 convolutions of 32 and 64 channels, max-pooling, two linear layers,
// dropout before each. 1,199,882 parameters for MNIST. [n, channels, height, width] -> [n, classes]
class MnistCnn : public Model {
 public:
  // Throws InputError if the images are smaller than 6 x 6.
  MnistCnn(InputShape input, index classes, Generator& generator);
  Var forward(Var x) override;

 private:
  Conv2d conv1_, conv2_;
  Dropout dropout1_, dropout2_;
  Linear fc1_, fc2_;
};

}  // namespace nn
