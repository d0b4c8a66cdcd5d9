#pragma once

#include <cstdint>
#include <vector>

#include "nn/dropout_masks.h"
#include "nn/tensor.h"

// Vertical federated learning: all clients know the same people, each other columns about them.
namespace fl::vertical {

// What the course's lab does differently from common practice. Off by default.
struct Quirks {
  bool accumulates = false;       // gradients are zeroed once an epoch, so they add up over batches
  bool drops_scores = false;      // the top model ends in leaky ReLU and dropout
  bool drops_in_testing = false;  // dropout stays on in the test
  bool trains_top_alone = false;  // clients' models stay as they were drawn

  static constexpr Quirks of_the_lab() { return {true, true, true, false}; }
  // The notebook's figures: it has the clients' models in a Python list, where PyTorch finds no
  // parameters, so its optimizer has those of the top model alone.
  static constexpr Quirks as_published() { return {true, true, true, true}; }
  bool operator==(const Quirks&) const = default;
};

// What every party of a run knows. The rest is private: columns at clients, labels at the server.
struct Config {
  std::vector<nn::index> columns;  // how many each client has
  nn::index classes = 2;
  int rows = 0, train_rows = 0;  // the first train_rows train, the others test
  int epochs = 300, batch = 64;
  double learning_rate = 1e-3;  // AdamW's, with a weight decay of 0.01
  double dropout = 0.1;
  std::uint64_t seed = 42;
  nn::DropoutStream stream = nn::DropoutStream::mt;
  Quirks quirks = {};

  int clients() const { return static_cast<int>(columns.size()); }
};

// Consecutive rows that go through the models of all parties together.
struct Pass {
  int epoch, first, rows;
  bool is_training;
};

// All of a run, in order: the batches of every epoch, then one pass over the rows that test.
std::vector<Pass> passes_of(const Config& config);

}  // namespace fl::vertical
