#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/ops/targets.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// log sum over j of exp(x[j]), as two summands: added to a large maximum, the logarithm would lose
// its digits.
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

Targets keep_targets(const char* name, Var x, std::span<const int> targets) {
  require(x.shape().rank() == 2, name, ": input ", x.shape(), " is not [n, classes]");
  return keep_targets(name, x.shape()[0], x.shape()[1], x.tape(), targets);
}

}  // namespace

// y[n, j] = exp(x[n, j]) / sum over k of exp(x[n, k])
Var softmax(Var x) {
  const index n = x.shape().rows(), columns = x.shape().columns();
  Var y = x.tape().result("softmax", x.shape(), x);
  real* out = x.tape().writable(y).data;
  for (index i = 0; i < n; ++i) {
    const real* row = x.value().data + i * columns;
    const LogSum total = log_sum_exp(row, columns);
    for (index j = 0; j < columns; ++j) *out++ = std::exp(total.of(row[j]));
  }
  y.backward_to(x, reads(y), [n, columns](ConstView dy, View dx, ConstView y) {
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
  Var y = x.tape().result("log_softmax", x.shape(), x);
  real* out = x.tape().writable(y).data;
  for (index i = 0; i < n; ++i) {
    const real* row = x.value().data + i * columns;
    const LogSum total = log_sum_exp(row, columns);
    for (index j = 0; j < columns; ++j) *out++ = total.of(row[j]);
  }
  y.backward_to(x, reads(y), [n, columns](ConstView dy, View dx, ConstView y) {
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
  Var loss = x.tape().result("nll_loss", {1}, x);
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
  Var loss = tape.result("cross_entropy", {1}, x);
  LogSum* totals = tape.arena().allocate_array<LogSum>(n).data();
  real sum = 0;
  for (index i = 0; i < n; ++i) {
    if (kept.classes[i] < 0) continue;
    const real* row = x.value().data + i * columns;
    totals[i] = log_sum_exp(row, columns);
    sum -= totals[i].of(row[kept.classes[i]]);
  }
  tape.writable(loss).data[0] = sum / kept.count;
  loss.backward_to(x, reads(x), [kept, totals, n, columns](ConstView dloss, View dx, ConstView x) {
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

// loss = mean of (x - target)^2
Var mse_loss(Var x, Var target) {
  require(x.shape() == target.shape(), "mse_loss: input ", x.shape(), ", target ", target.shape());
  const index size = x.value().size();
  const real* in = x.value().data;
  const real* wanted = target.value().data;
  Var loss = x.tape().result("mse_loss", {1}, x, target);
  real sum = 0;
  for (index i = 0; i < size; ++i) sum += (in[i] - wanted[i]) * (in[i] - wanted[i]);
  x.tape().writable(loss).data[0] = sum / static_cast<real>(size);

  const auto rule = [size](real sign) {
    return [size, sign](ConstView dloss, View dx, ConstView in, ConstView wanted) {
      const real scale = sign * 2 * dloss.data[0] / static_cast<real>(size);
      for (index i = 0; i < size; ++i) dx.data[i] += scale * (in.data[i] - wanted.data[i]);
    };
  };
  loss.backward_to(x, reads(x, target), rule(1));
  loss.backward_to(target, reads(x, target), rule(-1));
  return loss;
}

}  // namespace nn
