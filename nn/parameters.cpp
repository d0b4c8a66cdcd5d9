#include "nn/parameters.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "nn/base/error.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

Parameters Parameters::without_values() {
  Parameters parameters;
  parameters.has_values_ = false;
  return parameters;
}

int Parameters::add(std::string name, Shape shape) {
  if (const auto tied = tied_.find(name); tied != tied_.end()) {
    require(infos_[tied->second].shape == shape, "parameters: ", name, " ", shape,
            " cannot share the weights of ", infos_[tied->second].shape);
    return tied->second;
  }
  require_new(name);
  infos_.push_back({std::move(name), shape, size()});
  if (has_values_) {
    values_.resize(values_.size() + shape.size());
    gradients_.resize(values_.size());
  }
  return static_cast<int>(infos_.size()) - 1;
}

void Parameters::tie(std::string name, int parameter) {
  require_new(name);
  require(parameter >= 0 && parameter < std::ssize(infos_), "parameters: there is no number ",
          parameter);
  tied_[std::move(name)] = parameter;
}

int Parameters::add_buffer(std::string name, Shape shape, bool is_integer) {
  require_new(name);
  buffer_infos_.push_back(
      {std::move(name), shape, static_cast<index>(buffers_.size()), is_integer});
  buffers_.resize(buffers_.size() + shape.size());
  return static_cast<int>(buffer_infos_.size()) - 1;
}

void Parameters::require_new(std::string_view name) const {
  require(find(name) == nullptr &&
              std::ranges::find(buffer_infos_, name, &BufferInfo::name) == buffer_infos_.end(),
          "parameters: there is already a tensor named ", name);
}

void Parameters::zero_gradients() { std::ranges::fill(gradients(), real(0)); }

void Parameters::borrow(Parameters* lender) {
  require(!lender || (lender->size() == size() && lender->buffers_.size() == buffers_.size()),
          "parameters: a model with ", size(), " weights and ", buffers_.size(),
          " buffered values cannot borrow from one with ", lender ? lender->size() : 0, " and ",
          lender ? lender->buffers_.size() : 0);
  lender_ = lender;
}

const ParameterInfo* Parameters::find(std::string_view name) const {
  const auto found = std::ranges::find(infos_, name, &ParameterInfo::name);
  return found == infos_.end() ? nullptr : &*found;
}

View Parameters::value(int parameter) {
  return {values().data() + infos_[parameter].offset, infos_[parameter].shape};
}

View Parameters::gradient(int parameter) {
  return {gradients().data() + infos_[parameter].offset, infos_[parameter].shape};
}

View Parameters::buffer(int buffer) {
  return {buffers().data() + buffer_infos_[buffer].offset, buffer_infos_[buffer].shape};
}

}  // namespace nn
