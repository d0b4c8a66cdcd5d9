#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "nn/arena.h"
#include "nn/base/error.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/vector_math.h"
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

// Shows what the ReLU passed.
Var relu_output(const kernels::Convolution& conv, Var y) {
  return conv.epilogue == Epilogue::nothing ? Var{} : y;
}

void add_gradients_one_by_one(const kernels::ConvolutionKernels& kernels,
                              const kernels::Convolution& conv, const std::uint8_t* argmax, Var y,
                              Var x, Var weight, Var bias) {
  Arena* arena = &y.tape().arena();
  const Var out = relu_output(conv, y);
  y.backward_to(x, reads(out, weight),
                [=, &kernels](ConstView dy, View dx, ConstView out, ConstView weight) {
                  kernels.add_dx(conv, {dy.data, out.data, argmax}, weight.data, dx.data, *arena);
                });
  y.backward_to(
      weight, reads(out, x), [=, &kernels](ConstView dy, View dweight, ConstView out, ConstView x) {
        kernels.add_dweight(conv, {dy.data, out.data, argmax}, x.data, dweight.data, *arena);
      });
  y.backward_to(bias, reads(out), [=](ConstView dy, View dbias, ConstView out) {
    Scratch scratch(*arena);
    real* passed = scratch.array<real>(conv.y_size());
    kernels::OutputGradient gradient{dy.data, out.data, argmax};
    for (index i = 0; i < conv.n; ++i, gradient = gradient.next(conv)) {
      gradient.pass_relu(conv, passed);
      for (index o = 0; o < conv.out; ++o)
        dbias.data[o] += kernels::sum(passed + o * conv.yh * conv.yw, conv.yh * conv.yw);
    }
  });
}

void add_to(View gradient, const real* share) {
  for (index i = 0; i < gradient.size(); ++i) gradient.data[i] += share[i];
}

// The first rule that is applied computes all gradients: the one for x, if x needs a gradient.
// Those of weight and bias wait until it is their turn (Tape::backward_weights()).
void add_gradients_in_one_pass(const kernels::ConvolutionKernels& kernels,
                               const kernels::Convolution& conv, const std::uint8_t* argmax, Var y,
                               Var x, Var weight, Var bias) {
  Arena* arena = &y.tape().arena();
  const std::span waiting = arena->allocate_array<real>(weight.value().size() + conv.out);
  real *const dweight = waiting.data(), *const dbias = dweight + weight.value().size();
  bool* is_computed = arena->allocate_array<bool>(1).data();
  *is_computed = false;
  const auto compute = [=, &kernels](ConstView dy, real* dx, ConstView out, ConstView x,
                                     ConstView weight) {
    require(!*is_computed || !dx, "conv2d: the gradient of a weight came before that of its input");
    if (std::exchange(*is_computed, true)) return;
    std::ranges::fill(waiting, real(0));
    kernels.add_gradients(conv, {dy.data, out.data, argmax}, x.data, weight.data,
                          {dx, dweight, dbias}, *arena);
  };
  const auto needs = reads(relu_output(conv, y), x, weight);
  y.backward_to(bias, needs, [=](ConstView dy, View to, auto... read) {
    compute(dy, nullptr, read...);
    add_to(to, dbias);
  });
  y.backward_to(weight, needs, [=](ConstView dy, View to, auto... read) {
    compute(dy, nullptr, read...);
    add_to(to, dweight);
  });
  y.backward_to(x, needs,
                [=](ConstView dy, View dx, auto... read) { compute(dy, dx.data, read...); });
}

}  // namespace

// y[n, out, oy, ox] = bias[out] + sum over c, ky, kx of weight[out, c, ky, kx]
//                                 x[n, c, oy stride + ky - padding, ox stride + kx - padding]
Var conv2d(Var x, Var weight, Var bias, index stride, index padding, Epilogue epilogue) {
  const Shape &in = x.shape(), &window = weight.shape();
  require(in.rank() == 4 && window.rank() == 4 && window[1] == in[1] && stride > 0 &&
              padding >= 0 && window[2] > 0 && window[3] > 0 && window[2] <= in[2] + 2 * padding &&
              window[3] <= in[3] + 2 * padding,
          "conv2d: weight ", window, " with stride ", stride, " and padding ", padding,
          " does not fit input ", in);
  require(bias.shape() == Shape{window[0]}, "conv2d: bias ", bias.shape(), " does not fit weight ",
          window);
  Tape& tape = x.tape();
  const kernels::Convolution conv{in[0],     in[1],  in[2],   in[3],    window[0],       window[2],
                                  window[3], stride, padding, epilogue, tape.precision()};
  const kernels::ConvolutionKernels* kernels = find_kernels(conv, tape.is_recording());
  if (!kernels && epilogue == Epilogue::relu) return relu(conv2d(x, weight, bias, stride, padding));
  if (!kernels) return max_pool2d(conv2d(x, weight, bias, stride, padding, Epilogue::relu), 2);

  Var y = tape.result("conv2d", {conv.n, conv.out, conv.yh, conv.yw}, x, weight, bias);
  const bool has_argmax = epilogue == Epilogue::relu_max_pool && tape.is_recording();
  std::uint8_t* argmax =
      has_argmax ? tape.arena().allocate_array<std::uint8_t>(conv.argmax_size()).data() : nullptr;
  kernels->forward(conv, x.value().data, weight.value().data, bias.value().data,
                   tape.writable(y).data, argmax, tape.arena());

  if (kernels->add_gradients)
    add_gradients_in_one_pass(*kernels, conv, argmax, y, x, weight, bias);
  else
    add_gradients_one_by_one(*kernels, conv, argmax, y, x, weight, bias);
  return y;
}

}  // namespace nn
