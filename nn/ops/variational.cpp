#include "nn/variational.h"

#include <cmath>

#include "nn/base/error.h"
#include "nn/real.h"

namespace nn {

Var reparameterize(Var mean, Var log_variance, ConstView noise) {
  require(mean.shape() == log_variance.shape() && mean.shape() == noise.shape,
          "reparameterize: mean ", mean.shape(), ", log_variance ", log_variance.shape(),
          ", noise ", noise.shape);
  Var z = mean.tape().result("reparameterize", mean.shape(), mean, log_variance);
  const View out = mean.tape().writable(z);
  const real *m = mean.value().data, *l = log_variance.value().data, *e = noise.data;
  for (index i = 0; i < out.size(); ++i) out.data[i] = m[i] + e[i] * std::exp(l[i] / 2);
  z.backward_to(mean, [](ConstView dz, View dmean) {
    for (index i = 0; i < dz.size(); ++i) dmean.data[i] += dz.data[i];
  });
  z.backward_to(log_variance, reads(log_variance), [e](ConstView dz, View dl, ConstView l) {
    for (index i = 0; i < dz.size(); ++i)
      dl.data[i] += dz.data[i] * e[i] * std::exp(l.data[i] / 2) / 2;
  });
  return z;
}

Var kl_divergence(Var mean, Var log_variance) {
  require(mean.shape() == log_variance.shape(), "kl_divergence: mean ", mean.shape(),
          ", log_variance ", log_variance.shape());
  Var loss = mean.tape().result("kl_divergence", {1}, mean, log_variance);
  const real *m = mean.value().data, *l = log_variance.value().data;
  double sum = 0;
  for (index i = 0; i < mean.value().size(); ++i) sum += 1 + l[i] - m[i] * m[i] - std::exp(l[i]);
  mean.tape().writable(loss).data[0] = static_cast<real>(-sum / 2);
  loss.backward_to(mean, reads(mean), [](ConstView dloss, View dmean, ConstView mean) {
    for (index i = 0; i < mean.size(); ++i) dmean.data[i] += dloss.data[0] * mean.data[i];
  });
  loss.backward_to(log_variance, reads(log_variance), [](ConstView dloss, View dl, ConstView l) {
    for (index i = 0; i < l.size(); ++i)
      dl.data[i] += dloss.data[0] * (std::exp(l.data[i]) - 1) / 2;
  });
  return loss;
}

Var squared_error(Var x, ConstView target) {
  require(x.shape() == target.shape, "squared_error: input ", x.shape(), ", target ", target.shape);
  Var loss = x.tape().result("squared_error", {1}, x);
  const real* in = x.value().data;
  double sum = 0;
  for (index i = 0; i < target.size(); ++i)
    sum += (in[i] - target.data[i]) * (in[i] - target.data[i]);
  x.tape().writable(loss).data[0] = static_cast<real>(sum);
  loss.backward_to(x, reads(x), [target](ConstView dloss, View dx, ConstView x) {
    for (index i = 0; i < x.size(); ++i)
      dx.data[i] += 2 * dloss.data[0] * (x.data[i] - target.data[i]);
  });
  return loss;
}

}  // namespace nn
