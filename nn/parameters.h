#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/tensor.h"

namespace nn {

// All weights of a model in one array and all gradients in another, with named pieces on top.
// Averaging, all-reduce, optimizers, clipping and checkpoints are each one loop over a span.
// Names and shapes are PyTorch's: "conv1.weight" [out, in, kh, kw], "fc1.weight" [out, in].
class Parameters {
 public:
  struct Piece {
    std::string name;
    Shape shape;
    index offset;  // of its first value in values()
  };

  // Appends a piece of zeros and returns its number. Names must differ.
  int add(std::string name, Shape shape);

  index size() const { return static_cast<index>(values_.size()); }
  std::span<real> values() { return (lender_ ? lender_ : this)->values_; }
  std::span<const real> values() const { return (lender_ ? lender_ : this)->values_; }
  std::span<real> gradients() { return (lender_ ? lender_ : this)->gradients_; }
  std::span<const real> gradients() const { return (lender_ ? lender_ : this)->gradients_; }
  void zero_gradients();

  // Reads the weights of another replica and adds to its gradients, until it is told null.
  void borrow(Parameters* lender);

  const std::vector<Piece>& pieces() const { return pieces_; }
  const Piece* find(std::string_view name) const;  // null if there is none
  View value(int piece);
  View gradient(int piece);

 private:
  std::vector<Piece> pieces_;
  std::vector<real> values_, gradients_;
  Parameters* lender_ = nullptr;
};

// One piece, by number, so that it stays valid while the arrays still grow.
struct Parameter {
  Parameters* owner = nullptr;
  int piece = 0;
  View value() const { return owner->value(piece); }
  View gradient() const { return owner->gradient(piece); }
};

}  // namespace nn
