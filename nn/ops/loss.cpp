#include <cmath>

#include "nn/blas.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"

namespace nn {

using blas::gemm, blas::no, blas::yes;

namespace {

// log sum over j of exp(x[j]) as the sum of two numbers that are kept apart: added to a large
// maximum the logarithm would lose its digits.
struct LogSum {
  real largest, log;
  real of(real x) const { return (x - largest) - log; }  // the log-probability
};

LogSum log_sum_exp(const real* row, index columns) {
  const real largest = *std::max_element(row, row + columns);
  real sum = 0;
  for (index j = 0; j < columns; ++j) sum += std::exp(row[j] - largest);
  return {largest, std::log(sum)};
}

// The targets in the tape's arena, checked, and how many of them count.
struct Targets {
  std::span<const int> classes;
  real count = 0;
};

Targets keep_targets(const char* name, index n, index classes, Tape& tape,
                     std::span<const int> targets) {
  require(n == static_cast<index>(targets.size()), name, ": ", n, " rows do not fit ",
          targets.size(), " targets");
  Targets kept{tape.keep(targets)};
  for (int target : targets) {
    require(target < classes, name, ": target ", target, " is not one of ", classes, " classes");
    kept.count += target >= 0;
  }
  return kept;
}

Targets keep_targets(const char* name, Var x, std::span<const int> targets) {
  require(x.shape().rank() == 2, name, ": input ", x.shape(), " is not [n, classes]");
  return keep_targets(name, x.shape()[0], x.shape()[1], x.tape(), targets);
}

}  // namespace

// y[n, j] = exp(x[n, j]) / sum over k of exp(x[n, k])
Var softmax(Var x) {
  const index n = x.shape().rows(), columns = x.shape().columns();
  Var y = x.tape().result(x.shape(), x);
  real* out = x.tape().writable(y).data;
  for (index i = 0; i < n; ++i) {
    const real* row = x.value().data + i * columns;
    const LogSum total = log_sum_exp(row, columns);
    for (index j = 0; j < columns; ++j) *out++ = std::exp(total.of(row[j]));
  }
  y.backward_to(x, [y = y.value(), n, columns](ConstView dy, View dx) {
    for (index i = 0; i < n; ++i) {
      const real *gradient = dy.data + i * columns, *row = y.data + i * columns;
      real mean = 0;
      for (index j = 0; j < columns; ++j) mean += gradient[j] * row[j];
      for (index j = 0; j < columns; ++j) dx.data[i * columns + j] += row[j] * (gradient[j] - mean);
    }
  });
  return y;
}

// y[n, j] = x[n, j] - log sum over k of exp(x[n, k])
Var log_softmax(Var x) {
  const index n = x.shape().rows(), columns = x.shape().columns();
  Var y = x.tape().result(x.shape(), x);
  real* out = x.tape().writable(y).data;
  for (index i = 0; i < n; ++i) {
    const real* row = x.value().data + i * columns;
    const LogSum total = log_sum_exp(row, columns);
    for (index j = 0; j < columns; ++j) *out++ = total.of(row[j]);
  }
  y.backward_to(x, [y = y.value(), n, columns](ConstView dy, View dx) {
    for (index i = 0; i < n; ++i) {
      const real *gradient = dy.data + i * columns, *row = y.data + i * columns;
      real sum = 0;
      for (index j = 0; j < columns; ++j) sum += gradient[j];
      for (index j = 0; j < columns; ++j)
        dx.data[i * columns + j] += gradient[j] - std::exp(row[j]) * sum;
    }
  });
  return y;
}

// loss = -mean over i of x[i, target[i]]
Var nll_loss(Var x, std::span<const int> targets) {
  const Targets kept = keep_targets("nll_loss", x, targets);
  const index columns = x.shape()[1];
  Var loss = x.tape().result({1}, x);
  real sum = 0;
  for (std::size_t i = 0; i < kept.classes.size(); ++i)
    if (kept.classes[i] >= 0) sum -= x.value().data[i * columns + kept.classes[i]];
  x.tape().writable(loss).data[0] = sum / kept.count;
  loss.backward_to(x, [kept, columns](ConstView dloss, View dx) {
    for (std::size_t i = 0; i < kept.classes.size(); ++i)
      if (kept.classes[i] >= 0)
        dx.data[i * columns + kept.classes[i]] -= dloss.data[0] / kept.count;
  });
  return loss;
}

// loss = mean over i of log sum over k of exp(x[i, k]) - x[i, target[i]]
Var cross_entropy(Var x, std::span<const int> targets) {
  const Targets kept = keep_targets("cross_entropy", x, targets);
  const index n = x.shape()[0], columns = x.shape()[1];
  Tape& tape = x.tape();
  Var loss = tape.result({1}, x);
  LogSum* totals = tape.arena().allocate_array<LogSum>(n).data();
  real sum = 0;
  for (index i = 0; i < n; ++i) {
    if (kept.classes[i] < 0) continue;
    const real* row = x.value().data + i * columns;
    totals[i] = log_sum_exp(row, columns);
    sum -= totals[i].of(row[kept.classes[i]]);
  }
  tape.writable(loss).data[0] = sum / kept.count;
  loss.backward_to(x, [kept, totals, x = x.value(), n, columns](ConstView dloss, View dx) {
    const real share = dloss.data[0] / kept.count;
    for (index i = 0; i < n; ++i) {
      if (kept.classes[i] < 0) continue;
      const real* row = x.data + i * columns;
      real* drow = dx.data + i * columns;
      for (index j = 0; j < columns; ++j) drow[j] += share * std::exp(totals[i].of(row[j]));
      drow[kept.classes[i]] -= share;
    }
  });
  return loss;
}

// loss = mean over i of log sum over k of exp(z[i, k]) - z[i, target[i]], z = x weight^T
//
// The gradient of z, softmax(z) minus one at the target, is known up to a factor as soon as z is.
// It takes the place of z, so that a row's exponentials are computed once and only one array of [n,
// vocabulary] is ever needed.
Var linear_cross_entropy(Var x, Var weight, std::span<const int> targets) {
  const index n = x.shape().rows(), in = x.shape().columns(), classes = weight.shape()[0];
  require(x.shape().rank() == 2 && weight.shape() == Shape{classes, in},
          "linear_cross_entropy: input ", x.shape(), " does not fit weight ", weight.shape());
  Tape& tape = x.tape();
  const Targets kept = keep_targets("linear_cross_entropy", n, classes, tape, targets);
  Var loss = tape.result({1}, x, weight);
  real* dz = tape.arena().allocate_array<real>(n * classes).data();
  gemm(no, yes, n, classes, in, 1, x.value().data, in, weight.value().data, in, 0, dz, classes);
  double sum = 0;
  for (index i = 0; i < n; ++i) {
    real* row = dz + i * classes;
    const int target = kept.classes[i];
    if (target < 0) {
      std::fill_n(row, classes, real(0));
      continue;
    }
    const real largest = kernels::largest(row, classes), wanted = row[target];
    for (index j = 0; j < classes; ++j) row[j] = kernels::exponential(row[j] - largest);
    const real total = kernels::sum(row, classes);
    sum += std::log(total) - (wanted - largest);
    for (index j = 0; j < classes; ++j) row[j] /= total;
    row[target] -= 1;
  }
  tape.writable(loss).data[0] = static_cast<real>(sum / kept.count);
  loss.backward_to(x,
                   [dz, kept, weight = weight.value(), n, in, classes](ConstView dloss, View dx) {
                     gemm(no, no, n, in, classes, dloss.data[0] / kept.count, dz, classes,
                          weight.data, in, 1, dx.data, in);
                   });
  loss.backward_to(weight,
                   [dz, kept, x = x.value(), n, in, classes](ConstView dloss, View dweight) {
                     gemm(yes, no, classes, in, n, dloss.data[0] / kept.count, dz, classes, x.data,
                          in, 1, dweight.data, in);
                   });
  return loss;
}

// loss = mean of (x - target)^2
Var mse_loss(Var x, Var target) {
  require(x.shape() == target.shape(), "mse_loss: input ", x.shape(), ", target ", target.shape());
  const index size = x.value().size();
  const real* in = x.value().data;
  const real* wanted = target.value().data;
  Var loss = x.tape().result({1}, x, target);
  real sum = 0;
  for (index i = 0; i < size; ++i) sum += (in[i] - wanted[i]) * (in[i] - wanted[i]);
  x.tape().writable(loss).data[0] = sum / static_cast<real>(size);

  const auto rule = [in, wanted, size](real sign) {
    return [in, wanted, size, sign](ConstView dloss, View dx) {
      const real scale = sign * 2 * dloss.data[0] / static_cast<real>(size);
      for (index i = 0; i < size; ++i) dx.data[i] += scale * (in[i] - wanted[i]);
    };
  };
  loss.backward_to(x, rule(1));
  loss.backward_to(target, rule(-1));
  return loss;
}

}  // namespace nn
