#include "nn/parameters.h"

#include <algorithm>

namespace nn {

int Parameters::add(std::string name, Shape shape) {
  require(find(name) == nullptr, "parameters: there is already one named ", name);
  pieces_.push_back({std::move(name), shape, size()});
  values_.resize(values_.size() + shape.size());
  gradients_.resize(values_.size());
  return static_cast<int>(pieces_.size()) - 1;
}

void Parameters::zero_gradients() { std::ranges::fill(gradients(), real(0)); }

void Parameters::borrow(Parameters* lender) {
  require(!lender || lender->size() == size(), "parameters: a model of ", size(),
          " weights cannot borrow those of one of ", lender ? lender->size() : 0);
  lender_ = lender;
}

const Parameters::Piece* Parameters::find(std::string_view name) const {
  const auto piece = std::ranges::find(pieces_, name, &Piece::name);
  return piece == pieces_.end() ? nullptr : &*piece;
}

View Parameters::value(int piece) {
  return {values().data() + pieces_[piece].offset, pieces_[piece].shape};
}

View Parameters::gradient(int piece) {
  return {gradients().data() + pieces_[piece].offset, pieces_[piece].shape};
}

}  // namespace nn
