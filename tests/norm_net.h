#pragma once

#include "nn/layers.h"
#include "nn/model.h"

namespace toy {

// Two linear layers with batch normalisation between them.
class NormNet : public nn::Model {
 public:
  explicit NormNet(nn::Generator& generator)
      : fc1_(scope(generator)("fc1"), 64, 8),
        norm_(scope(generator)("norm"), mode(), 8),
        fc2_(scope(generator)("fc2"), 8, 4) {}
  nn::Var forward(nn::Var x) override {
    return nn::log_softmax(fc2_(nn::relu(norm_(fc1_(nn::flatten(x))))));
  }

 private:
  nn::Linear fc1_;
  nn::BatchNorm norm_;
  nn::Linear fc2_;
};

}  // namespace toy
