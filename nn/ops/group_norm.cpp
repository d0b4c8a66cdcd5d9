#include <algorithm>
#include <cmath>

#include "nn/kernels/vector_math.h"
#include "nn/ops.h"

namespace nn {

// x [n, channels, ...] in memory: for each sample and group the planes of `channels` channels, each
// of `area` numbers. With m and s the mean and the standard deviation of such a group:
// y[n, c, ...] = (x - m) / s weight[c] + bias[c]
Var group_norm(Var x, index groups, Var weight, Var bias, real epsilon) {
  const Shape& shape = x.shape();
  require(groups > 0 && shape.rank() >= 2 && shape.size() > 0 && shape[1] % groups == 0 &&
              weight.shape() == Shape{shape[1]} && bias.shape() == weight.shape(),
          "group_norm: input ", shape, " in ", groups, " groups does not fit weight ",
          weight.shape(), " and bias ", bias.shape());
  const index n = shape[0], all_channels = shape[1], channels = all_channels / groups;
  const index area = shape.size() / (n * all_channels), size = channels * area;
  const index groups_of_a_thread = std::max<index>(1, 4096 / size);
  const index channels_of_a_thread = std::max<index>(1, 4096 / (n * area));
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result("group_norm", shape, x, weight, bias);
  real* normal = tape.arena().allocate_array<real>(shape.size()).data();  // (x - m) / s
  real* inverse = tape.arena().allocate_array<real>(n * groups).data();   // 1 / s
  const auto forward = [=, in = x.value().data, out = tape.writable(y).data,
                        weight = weight.value().data,
                        bias = bias.value().data](index begin, index end) {
    for (index group = begin; group < end; ++group) {
      const real* from = in + group * size;
      real* unit = normal + group * size;
      const real mean = kernels::sum(from, size) / static_cast<real>(size);
      for (index i = 0; i < size; ++i) unit[i] = from[i] - mean;
      const real squares = kernels::sum_of(size, [=](index i) { return unit[i] * unit[i]; });
      const real scale = 1 / std::sqrt(squares / static_cast<real>(size) + epsilon);
      inverse[group] = scale;
      for (index plane = group * channels; plane < (group + 1) * channels; ++plane) {
        const real w = weight[plane % all_channels], b = bias[plane % all_channels];
        for (index i = plane * area; i < (plane + 1) * area; ++i) {
          normal[i] *= scale;
          out[i] = normal[i] * w + b;
        }
      }
    }
  };
  team.split(n * groups, groups_of_a_thread, forward);

  y.backward_to(x, reads(weight), [=, &team](ConstView dy, View dx, ConstView weight) {
    team.split(n * groups, groups_of_a_thread, [=](index begin, index end) {
      for (index group = begin; group < end; ++group) {
        real mean = 0, along = 0;  // of g = dy weight, and of g normal
        const auto each_plane = [=](auto f) {
          for (index plane = group * channels; plane < (group + 1) * channels; ++plane)
            f(weight.data[plane % all_channels], plane * area);
        };
        each_plane([&](real w, index first) {
          mean += w * kernels::sum(dy.data + first, area);
          along += w * kernels::sum_of(
                           area, [=](index i) { return dy.data[first + i] * normal[first + i]; });
        });
        mean /= static_cast<real>(size), along /= static_cast<real>(size);
        each_plane([&](real w, index first) {
          for (index i = first; i < first + area; ++i)
            dx.data[i] += inverse[group] * (dy.data[i] * w - mean - normal[i] * along);
        });
      }
    });
  });
  // Adds term(i) of all of a channel's numbers to its gradient.
  const auto add_sums = [=, &team](View gradient, auto term) {
    team.split(all_channels, channels_of_a_thread, [=](index begin, index end) {
      for (index c = begin; c < end; ++c)
        for (index plane = c; plane < n * all_channels; plane += all_channels)
          gradient.data[c] +=
              kernels::sum_of(area, [=](index i) { return term(plane * area + i); });
    });
  };
  y.backward_to(weight, [=](ConstView dy, View dweight) {
    add_sums(dweight, [=](index i) { return dy.data[i] * normal[i]; });
  });
  y.backward_to(bias, [=](ConstView dy, View dbias) {
    add_sums(dbias, [=](index i) { return dy.data[i]; });
  });
  return y;
}

}  // namespace nn
