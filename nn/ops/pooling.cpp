#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/base/error.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

struct Pooling {
  index planes, height, width, size, stride, oh, ow;
};

Pooling pooling(const char* name, Var x, index size, index stride) {
  const Shape& shape = x.shape();
  if (stride == 0) stride = size;
  require(shape.rank() == 4 && size > 0 && stride > 0 && size <= shape[2] && size <= shape[3], name,
          ": a window of ", size, " and stride ", stride, " does not fit ", shape);
  return {shape[0] * shape[1],
          shape[2],
          shape[3],
          size,
          stride,
          (shape[2] - size) / stride + 1,
          (shape[3] - size) / stride + 1};
}

// Takes the value if it is larger than the best so far, or NaN. Without a branch.
inline void consider(real value, std::int32_t place, real& best, std::int32_t& argmax) {
  const bool wins = (value > best) | (value != value);
  best = wins ? value : best;
  argmax = wins ? place : argmax;
}

// The largest value of each window and its position.
void find_argmax(const Pooling& pool, const real* in, real* best, std::int32_t* argmax) {
  for (index plane = 0; plane < pool.planes; ++plane)
    for (index oy = 0; oy < pool.oh; ++oy)
      for (index ox = 0; ox < pool.ow; ++ox, ++best, ++argmax) {
        const index corner =
            (plane * pool.height + oy * pool.stride) * pool.width + ox * pool.stride;
        *best = in[*argmax = static_cast<std::int32_t>(corner)];
        for (index ky = 0; ky < pool.size; ++ky)
          for (index kx = 0; kx < pool.size; ++kx) {
            const index place = corner + ky * pool.width + kx;
            consider(in[place], static_cast<std::int32_t>(place), *best, *argmax);
          }
      }
}

// The same for adjacent 2x2 windows, in a form that compilers vectorise.
void find_argmax_2x2(const Pooling& pool, const real* in, real* __restrict best,
                     std::int32_t* __restrict argmax) {
  const auto width = static_cast<std::int32_t>(pool.width), ow = static_cast<std::int32_t>(pool.ow);
  for (index plane = 0; plane < pool.planes; ++plane)
    for (index oy = 0; oy < pool.oh; ++oy, best += ow, argmax += ow) {
      const index corner = (plane * pool.height + oy * 2) * pool.width;
      const real *upper = in + corner, *lower = upper + width;
      const auto first = static_cast<std::int32_t>(corner);
      for (std::int32_t ox = 0; ox < ow; ++ox) {
        real value = upper[2 * ox];
        std::int32_t place = first + 2 * ox;
        consider(upper[2 * ox + 1], first + 2 * ox + 1, value, place);
        consider(lower[2 * ox], first + width + 2 * ox, value, place);
        consider(lower[2 * ox + 1], first + width + 2 * ox + 1, value, place);
        best[ox] = value;
        argmax[ox] = place;
      }
    }
}

}  // namespace

// y[n, c, oy, ox] = the largest x in its window, the first of equal ones as in PyTorch
Var max_pool2d(Var x, index size, index stride) {
  const Pooling pool = pooling("max_pool2d", x, size, stride);
  require(x.value().size() <= INT32_MAX, "max_pool2d: ", x.shape(), " is too large");
  Tape& tape = x.tape();
  Var y = tape.result("max_pool2d", {x.shape()[0], x.shape()[1], pool.oh, pool.ow}, x);
  const std::span<std::int32_t> argmax =
      tape.arena().allocate_array<std::int32_t>(y.value().size());

  const auto find = pool.size == 2 && pool.stride == 2 ? find_argmax_2x2 : find_argmax;
  find(pool, x.value().data, tape.writable(y).data, argmax.data());
  y.backward_to(x, [argmax](ConstView dy, View dx) {
    for (std::size_t i = 0; i < argmax.size(); ++i) dx.data[argmax[i]] += dy.data[i];
  });
  return y;
}

// y[n, c, oy, ox] = the mean of x over its window
Var average_pool2d(Var x, index size, index stride) {
  const Pooling pool = pooling("average_pool2d", x, size, stride);
  Var y = x.tape().result("average_pool2d", {x.shape()[0], x.shape()[1], pool.oh, pool.ow}, x);
  const real share = real(1) / static_cast<real>(size * size);

  // Calls f(output element, input element) for every window and every pixel in it.
  const auto each_pair = [pool](auto f) {
    index at = 0;
    for (index plane = 0; plane < pool.planes; ++plane)
      for (index oy = 0; oy < pool.oh; ++oy)
        for (index ox = 0; ox < pool.ow; ++ox, ++at)
          for (index ky = 0; ky < pool.size; ++ky)
            for (index kx = 0; kx < pool.size; ++kx)
              f(at,
                (plane * pool.height + oy * pool.stride + ky) * pool.width + ox * pool.stride + kx);
  };
  const View out = x.tape().writable(y);
  std::ranges::fill(out, real(0));
  each_pair([&](index o, index i) { out.data[o] += x.value().data[i] * share; });
  y.backward_to(x, [each_pair, share](ConstView dy, View dx) {
    each_pair([&](index o, index i) { dx.data[i] += dy.data[o] * share; });
  });
  return y;
}

Var global_average_pool(Var x) {
  require(x.shape().rank() == 4 && x.value().size() > 0, "global_average_pool: ", x.shape(),
          " are not images");
  const index pixels = x.shape()[2] * x.shape()[3];
  const real share = real(1) / static_cast<real>(pixels);
  Var y = x.tape().result("global_average_pool", {x.shape()[0], x.shape()[1]}, x);
  const View out = x.tape().writable(y);
  for (index i = 0; i < out.size(); ++i)
    out.data[i] = share * kernels::sum(x.value().data + i * pixels, pixels);
  y.backward_to(x, [=](ConstView dy, View dx) {
    for (index i = 0; i < dx.size(); ++i) dx.data[i] += share * dy.data[i / pixels];
  });
  return y;
}

}  // namespace nn
