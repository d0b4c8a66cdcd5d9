#include <algorithm>
#include <cmath>
#include <limits>
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

// The inputs of the forward pass. The residual may be null.
struct Forward {
  const real *x, *residual, *weight, *bias;
  real epsilon;
  bool has_relu;

  // Writes a group to `out` and returns its moments.
  Moments compute(const Groups& groups, index group, real* out) const {
    const auto size = static_cast<real>(groups.size());
    const real* from = x + group * groups.size();
    const real mean = kernels::sum(from, groups.size()) / size;
    const real squares = kernels::sum_of(
        groups.size(), [=](index i) { return (from[i] - mean) * (from[i] - mean); });
    const real inverse = 1 / std::sqrt(squares / size + epsilon);
    groups.each_plane(group, [=, *this](index, index channel, index first) {
      const real scale = inverse * weight[channel], shift = bias[channel];
      const auto normal = [=, *this](index i) { return (x[i] - mean) * scale + shift; };
      const auto finish = [=, *this](real y) { return has_relu & (y < 0) ? 0 : y; };  // NaN stays
      const index last = first + groups.area;
      if (residual)
        for (index i = first; i < last; ++i) out[i] = finish(normal(i) + residual[i]);
      else
        for (index i = first; i < last; ++i) out[i] = finish(normal(i));
    });
    return {mean, inverse};
  }
};

// The gradient of the normalised values: dy, but for what a ReLU has stopped. Without one, y is
// empty and the limit NaN, which nothing is below.
struct Passed {
  const real *dy, *y;
  real limit;

  Passed(ConstView dy, ConstView y)
      : dy(dy.data),
        y(y.data ? y.data : dy.data),
        limit(y.data ? 0 : std::numeric_limits<real>::quiet_NaN()) {}
  // Both are read in any case: of numbers that are not, g++ 12.2 makes wrong sums with AVX-512.
  real operator()(index i) const {
    const real shown = y[i], gradient = dy[i];
    return shown <= limit ? 0 : gradient;
  }
};

// Sums over each plane, which three gradients share. The first rule to run computes them.
struct PlaneSums {
  const Moments* moments;
  real* dy = nullptr;         // of the gradient that has passed
  real* dy_normal = nullptr;  // of that times (x - mean) inverse

  // Returns whether the sums have yet to be computed.
  bool allocate(const Groups& groups, Arena& arena) {
    if (dy) return false;
    dy = arena.allocate_array<real>(groups.planes()).data();
    dy_normal = arena.allocate_array<real>(groups.planes()).data();
    return true;
  }

  void compute(const Groups& groups, index group, const Passed& passed, const real* x) const {
    const Moments of = moments[group];
    groups.each_plane(group, [=, this](index plane, index, index first) {
      dy[plane] = groups.plane_sum([=](index i) { return passed(first + i); });
      dy_normal[plane] = of.inverse * groups.plane_sum([=](index i) {
        return passed(first + i) * (x[first + i] - of.mean);
      });
    });
  }
};

// gradient[channel] += the sums over the channel's planes.
void add_channel_sums(const Groups& groups, const real* plane_sums, View gradient) {
  for (index plane = 0; plane < groups.planes(); ++plane)
    gradient.data[plane % groups.all_channels] += plane_sums[plane];
}

// With m and s the mean and the standard deviation of a group:
// y[n, c, ...] = (x - m) / s weight[c] + bias[c], plus the residual, if there is one; then the ReLU
Var normalise(const char* op, Var x, Var residual, index group_count, Var weight, Var bias,
              real epsilon, bool has_relu) {
  const Shape& shape = x.shape();
  require(group_count > 0 && shape.rank() >= 2 && shape.size() > 0 && shape[1] % group_count == 0 &&
              weight.shape() == Shape{shape[1]} && bias.shape() == weight.shape(),
          op, ": input ", shape, " in ", group_count, " groups does not fit weight ",
          weight.shape(), " and bias ", bias.shape());
  const bool has_residual = residual.has_value();
  if (has_residual)
    require(residual.shape() == shape, op, ": residual ", residual.shape(), " does not fit input ",
            shape);
  const Groups groups{shape[0], shape[1], shape[1] / group_count,
                      shape.size() / (shape[0] * shape[1])};
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result(op, shape, x, residual, weight, bias);
  Moments* moments = tape.arena().allocate_array<Moments>(groups.count()).data();
  const Forward forward{x.value().data,
                        has_residual ? residual.value().data : nullptr,
                        weight.value().data,
                        bias.value().data,
                        epsilon,
                        has_relu};
  groups.each(team, [=, out = tape.writable(y).data](index group) {
    moments[group] = forward.compute(groups, group, out);
  });

  auto* sums = new (tape.arena().allocate(sizeof(PlaneSums))) PlaneSums{moments};
  const auto require_sums = [=, &tape](const Passed& passed, const real* x) {
    if (sums->allocate(groups, tape.arena()))
      groups.each(tape.team(), [=](index group) { sums->compute(groups, group, passed, x); });
  };
  const Var shown = has_relu ? y : Var{};  // what the ReLU has passed
  y.backward_to(weight, reads(x, shown), [=](ConstView dy, View dweight, ConstView x, ConstView y) {
    require_sums({dy, y}, x.data);
    add_channel_sums(groups, sums->dy_normal, dweight);
  });
  y.backward_to(bias, reads(x, shown), [=](ConstView dy, View dbias, ConstView x, ConstView y) {
    require_sums({dy, y}, x.data);
    add_channel_sums(groups, sums->dy, dbias);
  });
  // After those, so that it runs before them: a group's numbers are in the cache when it sums them.
  y.backward_to(x, reads(weight, x, shown),
                [=, &tape](ConstView dy, View dx, ConstView weight, ConstView x, ConstView y) {
                  const Passed passed(dy, y);
                  const bool is_first = sums->allocate(groups, tape.arena());
                  groups.each(tape.team(), [=](index group) {
                    if (is_first) sums->compute(groups, group, passed, x.data);
                    const Moments of = moments[group];
                    real g_mean = 0, g_normal = 0;  // means of g = dy weight, and of g (x - m) / s
                    groups.each_plane(group, [&](index plane, index channel, index) {
                      g_mean += weight.data[channel] * sums->dy[plane];
                      g_normal += weight.data[channel] * sums->dy_normal[plane];
                    });
                    const real shift = of.inverse * g_mean / static_cast<real>(groups.size());
                    const real along =
                        of.inverse * of.inverse * g_normal / static_cast<real>(groups.size());
                    groups.each_plane(group, [=](index, index channel, index first) {
                      const real scale = of.inverse * weight.data[channel];
                      for (index i = first; i < first + groups.area; ++i)
                        dx.data[i] += passed(i) * scale - (x.data[i] - of.mean) * along - shift;
                    });
                  });
                });
  y.backward_to(residual, reads(shown), [=, &team](ConstView dy, View dresidual, ConstView y) {
    const Passed passed(dy, y);
    groups.each(team, [=](index group) {
      for (index i = group * groups.size(); i < (group + 1) * groups.size(); ++i)
        dresidual.data[i] += passed(i);
    });
  });
  return y;
}

}  // namespace

Var group_norm(Var x, index groups, Var weight, Var bias, real epsilon) {
  return normalise("group_norm", x, {}, groups, weight, bias, epsilon, false);
}

Var group_norm_relu(Var x, Var residual, index groups, Var weight, Var bias, real epsilon) {
  return normalise("group_norm_relu", x, residual, groups, weight, bias, epsilon, true);
}

}  // namespace nn
