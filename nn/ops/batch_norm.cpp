#include <algorithm>
#include <cmath>
#include <span>

#include "nn/arena.h"
#include "nn/base/error.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// x [n, channels, ...]: n times `channels` planes of `area` numbers.
struct Planes {
  index n, channels, area;

  index count() const { return n * area; }  // of numbers per channel
  index start(index i, index channel) const { return (i * channels + channel) * area; }

  // Calls f(i) for every number of a channel.
  template <class Function>
  void each(index channel, Function f) const {
    for (index i = 0; i < n; ++i)
      for (index at = start(i, channel), end = at + area; at < end; ++at) f(at);
  }

  // The sum of term(i) over a channel, always in the same order.
  template <class Term>
  double sum(index channel, Term term) const {
    double total = 0;
    for (index i = 0; i < n; ++i) {
      const index first = start(i, channel);
      total +=
          area == 1 ? term(first) : kernels::sum_of(area, [=](index j) { return term(first + j); });
    }
    return total;
  }

  // Calls f(channel) for all channels, several thousand numbers per thread.
  template <class Function>
  void each_channel(Team& team, Function f) const {
    const index channels_of_a_thread = std::max<index>(1, 4096 / count());
    team.split(channels, channels_of_a_thread, [=](index begin, index end) {
      for (index c = begin; c < end; ++c) f(c);
    });
  }
};

Planes planes_of(Var x, Var weight, Var bias) {
  const Shape& shape = x.shape();
  require(shape.rank() >= 2 && shape.size() > 0 && weight.shape() == Shape{shape[1]} &&
              bias.shape() == weight.shape(),
          "batch_norm: input ", shape, " does not fit weight ", weight.shape(), " and bias ",
          bias.shape());
  return {shape[0], shape[1], shape.size() / (shape[0] * shape[1])};
}

// The moments of a channel in the form used to compute y.
struct Normal {
  real mean, inverse;  // 1 / sqrt(variance + epsilon)
  real of(real x) const { return (x - mean) * inverse; }
};

Normal normal_of(real mean, real variance, real epsilon) {
  return {mean, 1 / std::sqrt(variance + epsilon)};
}

// y, and the gradients of weight and bias. The gradient of x depends on whether the moments do.
Var normalize(const Planes& planes, Var x, Var weight, Var bias, const Normal* normals) {
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result("batch_norm", x.shape(), x, weight, bias);
  const real* in = x.value().data;
  const auto write = [=, out = tape.writable(y).data, w = weight.value().data,
                      b = bias.value().data](index c) {
    const Normal normal = normals[c];
    const real scale = w[c], shift = b[c];
    planes.each(c, [=](index i) { out[i] = normal.of(in[i]) * scale + shift; });
  };
  planes.each_channel(team, write);
  y.backward_to(weight, reads(x), [=, &team](ConstView dy, View dweight, ConstView x) {
    planes.each_channel(team, [=](index c) {
      const Normal normal = normals[c];
      dweight.data[c] += static_cast<real>(
          planes.sum(c, [=](index i) { return dy.data[i] * normal.of(x.data[i]); }));
    });
  });
  y.backward_to(bias, [=, &team](ConstView dy, View dbias) {
    planes.each_channel(team, [=](index c) {
      dbias.data[c] += static_cast<real>(planes.sum(c, [=](index i) { return dy.data[i]; }));
    });
  });
  return y;
}

}  // namespace

// y[n, c, ...] = (x - mean[c]) / sqrt(variance[c] + epsilon) weight[c] + bias[c], with the mean and
// variance of x over n and all positions
Var batch_norm(Var x, Var weight, Var bias, real epsilon, ChannelMoments* moments) {
  const Planes planes = planes_of(x, weight, bias);
  Arena& arena = x.tape().arena();
  Team& team = x.tape().team();
  const std::span<real> means = arena.allocate_array<real>(planes.channels);
  const std::span<real> variances = arena.allocate_array<real>(planes.channels);
  Normal* normals = arena.allocate_array<Normal>(planes.channels).data();
  const real* in = x.value().data;
  planes.each_channel(team, [=](index c) {
    const auto count = static_cast<double>(planes.count());
    const auto mean = static_cast<real>(planes.sum(c, [=](index i) { return in[i]; }) / count);
    const auto square = [=](index i) { return (in[i] - mean) * (in[i] - mean); };
    means[c] = mean;
    variances[c] = static_cast<real>(planes.sum(c, square) / count);
    normals[c] = normal_of(mean, variances[c], epsilon);
  });
  if (moments) *moments = {means, variances, planes.count()};

  Var y = normalize(planes, x, weight, bias, normals);
  y.backward_to(
      x, reads(weight, x), [=, &team](ConstView dy, View dx, ConstView weight, ConstView x) {
        planes.each_channel(team, [=](index c) {
          const Normal normal = normals[c];
          const auto count = static_cast<double>(planes.count());
          const auto mean =
              static_cast<real>(planes.sum(c, [=](index i) { return dy.data[i]; }) / count);
          const auto along = static_cast<real>(
              planes.sum(c, [=](index i) { return dy.data[i] * normal.of(x.data[i]); }) / count);
          const real scale = weight.data[c] * normal.inverse;
          planes.each(c, [=](index i) {
            dx.data[i] += scale * (dy.data[i] - mean - normal.of(x.data[i]) * along);
          });
        });
      });
  return y;
}

// The same with moments that do not depend on x.
Var batch_norm(Var x, Var weight, Var bias, ConstView mean, ConstView variance, real epsilon) {
  const Planes planes = planes_of(x, weight, bias);
  require(mean.shape == weight.shape() && variance.shape == weight.shape(), "batch_norm: mean ",
          mean.shape, " and variance ", variance.shape, " do not fit weight ", weight.shape());
  Team& team = x.tape().team();
  Normal* normals = x.tape().arena().allocate_array<Normal>(planes.channels).data();
  for (index c = 0; c < planes.channels; ++c)
    normals[c] = normal_of(mean.data[c], variance.data[c], epsilon);

  Var y = normalize(planes, x, weight, bias, normals);
  y.backward_to(x, reads(weight), [=, &team](ConstView dy, View dx, ConstView weight) {
    planes.each_channel(team, [=](index c) {
      const real scale = weight.data[c] * normals[c].inverse;
      planes.each(c, [=](index i) { dx.data[i] += scale * dy.data[i]; });
    });
  });
  return y;
}

}  // namespace nn
