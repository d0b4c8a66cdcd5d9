#pragma once

#include <vector>

#include "nn/dropout_masks.h"
#include "nn/layers.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// The variational autoencoder of the course's second lab, for rows of numbers. Encoder: columns-48,
// 48-32, 32-32, 32-16, each linear, batch norm and ReLU; then linear layers for mean and log
// variance of 16 latents. Decoder: 16-16, 16-32, 32-32, 32-48, 48-columns; no ReLU after the last.
//
// As in the lab, batch norm always uses the batch's statistics, also in sampling.
class TabularVae {
 public:
  static constexpr index latents = 16;

  TabularVae(index columns, Generator& generator);
  TabularVae(const TabularVae&) = delete;
  TabularVae& operator=(const TabularVae&) = delete;

  struct Output {
    Var decoded;             // [n, columns]
    Var mean, log_variance;  // [n, latents]
  };
  // x [n, columns], noise [n, latents]
  Output forward(Var x, ConstView noise);
  Var decode(Var z);  // [n, latents] -> [n, columns]

  Parameters& parameters() { return parameters_; }

 private:
  struct Layer {
    Linear linear;
    BatchNorm norm;
  };
  std::vector<Layer> make_layers(const char* name, const std::vector<index>& widths,
                                 Generator& generator);

  Parameters parameters_;
  DropoutMasks no_masks_;
  Mode mode_{.masks = &no_masks_};
  std::vector<Layer> encoder_;
  Linear mean_, log_variance_;
  std::vector<Layer> decoder_;
};

}  // namespace nn
