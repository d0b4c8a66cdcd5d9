#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/arena.h"
#include "nn/base/error.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// From the fastest kernel to the most general, which has no epilogue. Training in float uses tiles
// of 2x2, because with 4x4 the accuracies differ from the course's by 0.07 points after ten rounds.
const kernels::ConvolutionKernels* find_kernels(const kernels::Convolution& conv,
                                                bool is_training) {
  for (const auto* kernels :
       {&kernels::bf16_winograd_4x4_convolution3x3, &kernels::bf16_winograd_2x2_convolution5x5,
        is_training ? &kernels::winograd_2x2_convolution3x3 : &kernels::winograd_4x4_convolution3x3,
        &kernels::winograd_2x2_convolution5x5, &kernels::direct_convolution3x3,
        &kernels::interleaved_convolution, &kernels::im2col_convolution})
    if (kernels->fits(conv)) return kernels;
  return nullptr;
}

const kernels::ConvolutionPairKernels* find_kernels(const kernels::ConvolutionPair& pair,
                                                    bool is_training) {
  for (const auto* kernels :
       {&kernels::bf16_winograd_4x4_pair,
        is_training ? &kernels::winograd_2x2_pair : &kernels::winograd_4x4_pair})
    if (kernels->fits(pair)) return kernels;
  return nullptr;
}

// Shows what the ReLU passed.
Var relu_output(const kernels::Convolution& conv, Var y) {
  return conv.epilogue == Epilogue::nothing ? Var{} : y;
}

// Rules for gradients that are computed in one pass, by
// compute(dy, dx or null, dweights, values read ...). It belongs to the data half of the sweep,
// where the parts of a batch need not wait for each other, also if x needs no gradient: then the
// rule is one for y itself and passes nothing on. The gradients of the weights wait in `dweights`
// until it is their turn (Tape::backward_weights()). Only if a weight depends on the tape's inputs
// and x does not, its rule comes before that of x, and all is computed twice.
template <std::size_t weight_count, std::size_t read_count, class Compute>
void add_gradients_in_one_pass(Var y, Var x, const std::array<Var, weight_count>& weights,
                               const std::array<Var, read_count>& read, Compute compute) {
  if (!y.needs_gradient() || !y.tape().is_recording()) return;
  index size = 0;
  for (Var weight : weights) size += weight.value().size();
  const std::span dweights = y.tape().arena().allocate_array<real>(size);
  bool* is_computed = y.tape().arena().allocate_array<bool>(1).data();
  *is_computed = false;
  const auto compute_once = [=](ConstView dy, real* dx, auto... values) {
    if (*is_computed && !dx) return;
    *is_computed = true;
    std::ranges::fill(dweights, real(0));
    compute(dy, dx, dweights.data(), values...);
  };
  const real* dweight = dweights.data();
  for (Var weight : weights) {
    y.backward_to(weight, read, [=](ConstView dy, View to, auto... values) {
      compute_once(dy, nullptr, values...);
      for (index i = 0; i < to.size(); ++i) to.data[i] += dweight[i];
    });
    dweight += weight.value().size();
  }
  const bool has_dx = x.needs_gradient();
  y.backward_to(has_dx ? x : y, read, [=](ConstView dy, View dx, auto... values) {
    compute_once(dy, has_dx ? dx.data : nullptr, values...);
  });
}

kernels::Convolution sizes_of(const Shape& in, Var weight, Var bias, index stride, index padding,
                              Epilogue epilogue) {
  const Shape& window = weight.shape();
  require(in.rank() == 4 && window.rank() == 4 && window[1] == in[1] && stride > 0 &&
              padding >= 0 && window[2] > 0 && window[3] > 0 && window[2] <= in[2] + 2 * padding &&
              window[3] <= in[3] + 2 * padding,
          "conv2d: weight ", window, " with stride ", stride, " and padding ", padding,
          " does not fit input ", in);
  require(bias.shape() == Shape{window[0]}, "conv2d: bias ", bias.shape(), " does not fit weight ",
          window);
  return {in[0],
          in[1],
          in[2],
          in[3],
          window[0],
          window[2],
          window[3],
          stride,
          padding,
          epilogue,
          weight.tape().precision()};
}

// Which output of each window was the maximum, for the gradients; null if there are none.
std::uint8_t* make_argmax(const kernels::Convolution& conv, Tape& tape) {
  if (!conv.pools() || !tape.is_recording()) return nullptr;
  return tape.arena().allocate_array<std::uint8_t>(conv.argmax_size()).data();
}

}  // namespace

// y[n, out, oy, ox] = bias[out] + sum over c, ky, kx of weight[out, c, ky, kx]
//                                 x[n, c, oy stride + ky - padding, ox stride + kx - padding]
Var conv2d(Var x, Var weight, Var bias, index stride, index padding, Epilogue epilogue) {
  const kernels::Convolution conv = sizes_of(x.shape(), weight, bias, stride, padding, epilogue);
  Tape& tape = x.tape();
  const kernels::ConvolutionKernels* kernels = find_kernels(conv, tape.is_recording());
  if (!kernels && epilogue == Epilogue::relu) return relu(conv2d(x, weight, bias, stride, padding));
  if (!kernels) return max_pool2d(conv2d(x, weight, bias, stride, padding, Epilogue::relu), 2);

  Var y = tape.result("conv2d", {conv.n, conv.out, conv.yh, conv.yw}, x, weight, bias);
  std::uint8_t* argmax = make_argmax(conv, tape);
  Arena* arena = &tape.arena();
  kernels->forward(conv, x.value().data, weight.value().data, bias.value().data,
                   tape.writable(y).data, argmax, *arena);
  add_gradients_in_one_pass(
      y, x, std::array{weight, bias}, reads(relu_output(conv, y), x, weight),
      [=](ConstView dy, real* dx, real* dweight, ConstView out, ConstView x, ConstView weight) {
        kernels->add_gradients(conv, {dy.data, out.data, argmax}, x.data, weight.data,
                               {dx, dweight, dweight + weight.size()}, *arena);
      });
  return y;
}

Var conv2d_twice(Var x, Filters first, Filters second, Epilogue epilogue) {
  const kernels::Convolution front =
      sizes_of(x.shape(), first.weight, first.bias, 1, 0, Epilogue::relu);
  const kernels::ConvolutionPair pair{front, sizes_of({front.n, front.out, front.yh, front.yw},
                                                      second.weight, second.bias, 1, 0, epilogue)};
  Tape& tape = x.tape();
  const kernels::ConvolutionPairKernels* kernels = find_kernels(pair, tape.is_recording());
  if (!kernels)
    return conv2d(conv2d(x, first.weight, first.bias, 1, 0, Epilogue::relu), second.weight,
                  second.bias, 1, 0, epilogue);

  Var y = tape.result("conv2d", {front.n, pair.second.out, pair.second.yh, pair.second.yw}, x,
                      first.weight, first.bias, second.weight, second.bias);
  std::uint8_t* argmax = make_argmax(pair.second, tape);
  Arena* arena = &tape.arena();
  const auto filters = [](Var weight, Var bias) {
    return kernels::Filters{weight.value().data, bias.value().data};
  };
  kernels->forward(pair, x.value().data, filters(first.weight, first.bias),
                   filters(second.weight, second.bias), tape.writable(y).data, argmax, *arena);
  add_gradients_in_one_pass(
      y, x, std::array{first.weight, first.bias, second.weight, second.bias},
      reads(relu_output(pair.second, y), x, first.weight, first.bias, second.weight),
      [=](ConstView dy, real* dx, real* dweights, ConstView out, ConstView x, ConstView weight1,
          ConstView bias1, ConstView weight2) {
        real *dbias1 = dweights + weight1.size(), *dweight2 = dbias1 + bias1.size();
        kernels->add_gradients(pair, {dy.data, out.data, argmax}, x.data,
                               {weight1.data, bias1.data}, {weight2.data, nullptr},
                               {dx, dweights, dbias1},
                               {nullptr, dweight2, dweight2 + weight2.size()}, *arena);
      });
  return y;
}

}  // namespace nn
