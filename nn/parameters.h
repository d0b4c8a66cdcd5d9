#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

// A named tensor in a flat array.
struct ParameterInfo {
  std::string name;
  Shape shape;
  index offset;  // of its first value in Parameters::values()
};

// The same in Parameters::buffers().
struct BufferInfo {
  std::string name;
  Shape shape;
  index offset;
  bool is_integer;  // a count; an I64 in files
};

// All weights of a model in one array and all gradients in another, viewed as named tensors.
// Averaging, all-reduce, optimizers, clipping and checkpoints are each one loop over a span.
// Names and shapes are PyTorch's: "conv1.weight" [out, in, kh, kw], "fc1.weight" [out, in].
//
// A third array holds the buffers: values that a model keeps but does not train, such as the
// running means of batch normalisation. They have no gradients, and optimizers do not see them.
class Parameters {
 public:
  Parameters() = default;
  // Records names and shapes only. For listing the tensors of a model of any size.
  static Parameters without_values();
  bool has_values() const { return has_values_; }

  // Appends a tensor of zeros and returns its number. Parameters and buffers are each numbered from
  // 0. Throws Error if the name is taken.
  int add(std::string name, Shape shape);
  // From now on add() returns this parameter for this name and the parameter's shape, so that two
  // layers share their weights.
  void tie(std::string name, int parameter);
  int add_buffer(std::string name, Shape shape, bool is_integer = false);

  index size() const { return static_cast<index>(values_.size()); }
  std::span<real> values() { return (lender_ ? lender_ : this)->values_; }
  std::span<const real> values() const { return (lender_ ? lender_ : this)->values_; }
  std::span<real> gradients() { return (lender_ ? lender_ : this)->gradients_; }
  std::span<const real> gradients() const { return (lender_ ? lender_ : this)->gradients_; }
  void zero_gradients();

  // Integers among them are exact up to 2^24 in float.
  std::span<real> buffers() { return (lender_ ? lender_ : this)->buffers_; }
  std::span<const real> buffers() const { return (lender_ ? lender_ : this)->buffers_; }

  // Uses the weights and buffers of another replica, and adds to its gradients, until called with
  // null. Throws Error if the sizes differ.
  void borrow(Parameters* lender);

  const std::vector<ParameterInfo>& infos() const { return infos_; }
  const std::vector<BufferInfo>& buffer_infos() const { return buffer_infos_; }
  const ParameterInfo* find(std::string_view name) const;  // null if there is none
  View value(int parameter);
  View gradient(int parameter);
  View buffer(int buffer);

 private:
  void require_new(std::string_view name) const;

  std::vector<ParameterInfo> infos_;
  std::map<std::string, int, std::less<>> tied_;
  std::vector<BufferInfo> buffer_infos_;
  std::vector<real> values_, gradients_, buffers_;
  Parameters* lender_ = nullptr;
  bool has_values_ = true;
};

// A parameter, by number, so that it stays valid while the arrays grow.
struct Parameter {
  Parameters* owner = nullptr;
  int number = 0;
  View value() const { return owner->value(number); }
  View gradient() const { return owner->gradient(number); }
};

// A buffer, likewise.
struct Buffer {
  Parameters* owner = nullptr;
  int number = 0;
  View value() const { return owner->buffer(number); }
};

}  // namespace nn
