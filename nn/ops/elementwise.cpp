#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nn/base/error.h"
#include "nn/dropout_masks.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// Whether b is a's shape or its tail, so that b can be repeated along a's leading extents.
bool is_tail(const Shape& b, const Shape& a) {
  const auto tail = a.extents().last(std::min<std::size_t>(a.rank(), b.rank()));
  return b.rank() <= a.rank() && b.size() > 0 && std::ranges::equal(tail, b.extents());
}

// Fewer elements are not worth waking a thread for.
constexpr index elements_of_a_thread = 8192;

// Calls f(start, begin, end) for every copy of b inside a, which begins at `start`, and ranges of
// b's `period` elements.
template <class Function>
void each_repeat(index size, index period, Team& team, const Function& f) {
  for (index start = 0; start < size; start += period)
    team.split(period, elements_of_a_thread, [&](index begin, index end) { f(start, begin, end); });
}

// Calls f(i, scale) for every kept element i < size and f(i, 0) for every other, a word of the mask
// at a time so that vectors can be used.
template <class Function>
void each_kept(MaskView kept, index size, real scale, Function f) {
  constexpr index word = 64;
  for (index start = 0; start < size;) {
    const index place = kept.first + start, count = std::min(word - place % word, size - start);
    const std::uint64_t bits = kept.words[place / word] >> place % word;
    for (index i = 0; i < count; ++i) f(start + i, bits >> i & 1 ? scale : real(0));
    start += count;
  }
}

}  // namespace

Var add(Var a, Var b) {
  require(is_tail(b.shape(), a.shape()), "add: ", b.shape(), " is neither ", a.shape(),
          " nor its tail");
  const index size = a.value().size(), period = b.value().size();
  Team& team = a.tape().team();
  Var y = a.tape().result("add", a.shape(), a, b);
  real* out = a.tape().writable(y).data;
  each_repeat(size, period, team, [&](index start, index begin, index end) {
    const real *left = a.value().data + start, *right = b.value().data;
    for (index i = begin; i < end; ++i) out[start + i] = left[i] + right[i];
  });
  y.backward_to(a, [&team](ConstView dy, View da) {
    team.split(da.size(), elements_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i) da.data[i] += dy.data[i];
    });
  });
  y.backward_to(b, [size, period, &team](ConstView dy, View db) {
    each_repeat(size, period, team, [=](index start, index begin, index end) {
      for (index i = begin; i < end; ++i) db.data[i] += dy.data[start + i];
    });
  });
  return y;
}

Var add_(Var a, Var b) {
  require(b.shape() == a.shape(), "add_: ", b.shape(), " is not ", a.shape());
  Team& team = a.tape().team();
  Var y = a.tape().overwrite("add_", a, b);
  const auto add = [&team](ConstView from, View to) {
    team.split(to.size(), elements_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i) to.data[i] += from.data[i];
    });
  };
  add(b.value(), a.tape().writable(y));
  y.backward_to(b, add);
  return y;
}

Var multiply(Var a, Var b) {
  require(is_tail(b.shape(), a.shape()), "multiply: ", b.shape(), " is neither ", a.shape(),
          " nor its tail");
  const index size = a.value().size(), period = b.value().size();
  Team& team = a.tape().team();
  Var y = a.tape().result("multiply", a.shape(), a, b);
  real* out = a.tape().writable(y).data;
  each_repeat(size, period, team, [&](index start, index begin, index end) {
    const real *left = a.value().data + start, *right = b.value().data;
    for (index i = begin; i < end; ++i) out[start + i] = left[i] * right[i];
  });
  y.backward_to(a, reads(b), [size, period, &team](ConstView dy, View da, ConstView b) {
    each_repeat(size, period, team, [=](index start, index begin, index end) {
      for (index i = begin; i < end; ++i) da.data[start + i] += dy.data[start + i] * b.data[i];
    });
  });
  y.backward_to(b, reads(a), [size, period, &team](ConstView dy, View db, ConstView a) {
    each_repeat(size, period, team, [=](index start, index begin, index end) {
      for (index i = begin; i < end; ++i) db.data[i] += dy.data[start + i] * a.data[start + i];
    });
  });
  return y;
}

Var dropout(Var x, double drop_probability, MaskView kept) {
  require(drop_probability >= 0 && drop_probability < 1, "dropout: probability ", drop_probability,
          " is not in [0, 1)");
  const real scale = static_cast<real>(1 / (1 - drop_probability));
  Var y = x.tape().result("dropout", x.shape(), x);
  const ConstView in = x.value();
  real* out = x.tape().writable(y).data;
  each_kept(kept, in.size(), scale, [=](index i, real factor) { out[i] = in.data[i] * factor; });
  y.backward_to(x, [kept, scale](ConstView dy, View dx) {
    each_kept(kept, dx.size(), scale,
              [=](index i, real factor) { dx.data[i] += dy.data[i] * factor; });
  });
  return y;
}

}  // namespace nn
