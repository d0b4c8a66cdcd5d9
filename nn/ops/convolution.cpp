#include "nn/kernels/convolution.h"

#include "nn/ops.h"

namespace nn {

// y[n, out, oy, ox] = bias[out] + sum over c, ky, kx of weight[out, c, ky, kx]
//                                 x[n, c, oy stride + ky - padding, ox stride + kx - padding]
Var conv2d(Var x, Var weight, Var bias, index stride, index padding) {
  const Shape &in = x.shape(), &window = weight.shape();
  require(in.rank() == 4 && window.rank() == 4 && window[1] == in[1] && stride > 0 &&
              padding >= 0 && window[2] > 0 && window[3] > 0 && window[2] <= in[2] + 2 * padding &&
              window[3] <= in[3] + 2 * padding,
          "conv2d: weight ", window, " with stride ", stride, " and padding ", padding,
          " does not fit input ", in);
  require(bias.shape() == Shape{window[0]}, "conv2d: bias ", bias.shape(), " does not fit weight ",
          window);
  const kernels::Convolution conv{in[0],     in[1],     in[2],  in[3],  window[0],
                                  window[2], window[3], stride, padding};
  const kernels::ConvolutionKernels* kernels = kernels::fits_direct3x3(conv)
                                                   ? &kernels::direct_convolution3x3
                                                   : &kernels::im2col_convolution;
  Tape& tape = x.tape();
  Var y = tape.result({conv.n, conv.out, conv.oh, conv.ow}, x, weight, bias);
  kernels->forward(conv, x.value().data, weight.value().data, bias.value().data,
                   tape.writable(y).data, tape.arena());

  Arena* arena = &tape.arena();
  y.backward_to(x, [=, weight = weight.value()](ConstView dy, View dx) {
    kernels->add_dx(conv, dy.data, weight.data, dx.data, *arena);
  });
  y.backward_to(weight, [=, x = x.value()](ConstView dy, View dweight) {
    kernels->add_dweight(conv, dy.data, x.data, dweight.data, *arena);
  });
  y.backward_to(bias, [conv](ConstView dy, View dbias) {
    const real* plane = dy.data;
    for (index i = 0; i < conv.n; ++i)
      for (index o = 0; o < conv.out; ++o, plane += conv.positions()) {
        real sum = 0;
        for (index p = 0; p < conv.positions(); ++p) sum += plane[p];
        dbias.data[o] += sum;
      }
  });
  return y;
}

}  // namespace nn
