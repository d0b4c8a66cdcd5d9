#include <algorithm>
#include <cmath>
#include <new>

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

// x [n, all_channels, ...]: each sample has groups of `channels` planes of `area` numbers.
struct Groups {
  index n, all_channels, channels, area;

  index count() const { return n * all_channels / channels; }
  index planes() const { return n * all_channels; }
  index size() const { return channels * area; }  // of a group

  // Calls f(group) for all groups, several thousand numbers per thread.
  template <class Function>
  void each(Team& team, Function f) const {
    team.split(count(), std::max<index>(1, 4096 / size()), [=](index begin, index end) {
      for (index group = begin; group < end; ++group) f(group);
    });
  }

  // Calls f(plane, channel, index of its first number) for the planes of a group.
  template <class Function>
  void each_plane(index group, Function f) const {
    for (index plane = group * channels; plane < (group + 1) * channels; ++plane)
      f(plane, plane % all_channels, plane * area);
  }

  template <class Term>
  real plane_sum(Term term) const {
    return area == 1 ? term(0) : kernels::sum_of(area, term);
  }
};

struct Moments {
  real mean, inverse;  // 1 / sqrt(variance + epsilon)
};

// Sums over each plane, which all three gradients share. The first rule to run computes them.
struct PlaneSums {
  const Moments* moments;
  real* dy = nullptr;         // of dy
  real* dy_normal = nullptr;  // of dy (x - mean) inverse

  // Returns whether the sums have yet to be computed.
  bool allocate(const Groups& groups, Arena& arena) {
    if (dy) return false;
    dy = arena.allocate_array<real>(groups.planes()).data();
    dy_normal = arena.allocate_array<real>(groups.planes()).data();
    return true;
  }

  void compute(const Groups& groups, index group, const real* gradient, const real* x) const {
    const Moments of = moments[group];
    groups.each_plane(group, [=, this](index plane, index, index first) {
      const real *g = gradient + first, *in = x + first;
      dy[plane] = groups.plane_sum([=](index i) { return g[i]; });
      dy_normal[plane] =
          of.inverse * groups.plane_sum([=](index i) { return g[i] * (in[i] - of.mean); });
    });
  }
};

// gradient[channel] += the sums over the channel's planes.
void add_channel_sums(const Groups& groups, const real* plane_sums, View gradient) {
  for (index plane = 0; plane < groups.planes(); ++plane)
    gradient.data[plane % groups.all_channels] += plane_sums[plane];
}

}  // namespace

// With m and s the mean and the standard deviation of a group:
// y[n, c, ...] = (x - m) / s weight[c] + bias[c]
Var group_norm(Var x, index group_count, Var weight, Var bias, real epsilon) {
  const Shape& shape = x.shape();
  require(group_count > 0 && shape.rank() >= 2 && shape.size() > 0 && shape[1] % group_count == 0 &&
              weight.shape() == Shape{shape[1]} && bias.shape() == weight.shape(),
          "group_norm: input ", shape, " in ", group_count, " groups does not fit weight ",
          weight.shape(), " and bias ", bias.shape());
  const Groups groups{shape[0], shape[1], shape[1] / group_count,
                      shape.size() / (shape[0] * shape[1])};
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result("group_norm", shape, x, weight, bias);
  Moments* moments = tape.arena().allocate_array<Moments>(groups.count()).data();
  const auto forward = [=, in = x.value().data, out = tape.writable(y).data,
                        weight = weight.value().data, bias = bias.value().data](index group) {
    const auto size = static_cast<real>(groups.size());
    const real* from = in + group * groups.size();
    const real mean = kernels::sum(from, groups.size()) / size;
    const real squares = kernels::sum_of(
        groups.size(), [=](index i) { return (from[i] - mean) * (from[i] - mean); });
    const real inverse = 1 / std::sqrt(squares / size + epsilon);
    moments[group] = {mean, inverse};
    groups.each_plane(group, [=](index, index channel, index first) {
      const real scale = inverse * weight[channel], shift = bias[channel];
      for (index i = first; i < first + groups.area; ++i) out[i] = (in[i] - mean) * scale + shift;
    });
  };
  groups.each(team, forward);

  auto* sums = new (tape.arena().allocate(sizeof(PlaneSums))) PlaneSums{moments};
  const auto require_sums = [=, &tape](const real* dy, const real* x) {
    if (sums->allocate(groups, tape.arena()))
      groups.each(tape.team(), [=](index group) { sums->compute(groups, group, dy, x); });
  };
  y.backward_to(weight, reads(x), [=](ConstView dy, View dweight, ConstView x) {
    require_sums(dy.data, x.data);
    add_channel_sums(groups, sums->dy_normal, dweight);
  });
  y.backward_to(bias, reads(x), [=](ConstView dy, View dbias, ConstView x) {
    require_sums(dy.data, x.data);
    add_channel_sums(groups, sums->dy, dbias);
  });
  // Last, so that it runs first: a group's numbers are still in the cache after they are summed.
  y.backward_to(
      x, reads(weight, x), [=, &tape](ConstView dy, View dx, ConstView weight, ConstView x) {
        const bool is_first = sums->allocate(groups, tape.arena());
        groups.each(tape.team(), [=](index group) {
          if (is_first) sums->compute(groups, group, dy.data, x.data);
          const Moments of = moments[group];
          real g_mean = 0, g_normal = 0;  // means of g = dy weight, and of g (x - m) / s
          groups.each_plane(group, [&](index plane, index channel, index) {
            g_mean += weight.data[channel] * sums->dy[plane];
            g_normal += weight.data[channel] * sums->dy_normal[plane];
          });
          const real shift = of.inverse * g_mean / static_cast<real>(groups.size());
          const real along = of.inverse * of.inverse * g_normal / static_cast<real>(groups.size());
          groups.each_plane(group, [=](index, index channel, index first) {
            const real scale = of.inverse * weight.data[channel];
            for (index i = first; i < first + groups.area; ++i)
              dx.data[i] += dy.data[i] * scale - (x.data[i] - of.mean) * along - shift;
          });
        });
      });
  return y;
}

}  // namespace nn
