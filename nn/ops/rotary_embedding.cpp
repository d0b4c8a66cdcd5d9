#include <cmath>
#include <complex>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// cosines and sines[length, frequencies] of the angles position theta^(-j / frequencies), starting
// at position `first`. Uses e^(i p w) = e^(i 32 c w) e^(i f w) for p = 32 c + f, which needs few
// sines and gives the same result for a position wherever the sequence begins.
void fill_angles(index first, index length, index frequencies, double theta, real* cosines,
                 real* sines) {
  constexpr index coarse = 32;
  using Number = std::complex<double>;
  for (index j = 0; j < frequencies; ++j) {
    const double frequency =
        std::pow(theta, -static_cast<double>(j) / static_cast<double>(frequencies));
    const auto turned = [&](index position) {
      return std::polar(1.0, static_cast<double>(position) * frequency);
    };
    Number fine[coarse], start;
    for (index f = 0; f < coarse; ++f) fine[f] = turned(f);
    for (index t = 0; t < length; ++t) {
      const index position = first + t, f = position % coarse;
      if (t == 0 || f == 0) start = turned(position - f);
      cosines[t * frequencies + j] =
          static_cast<real>(start.real() * fine[f].real() - start.imag() * fine[f].imag());
      sines[t * frequencies + j] =
          static_cast<real>(start.real() * fine[f].imag() + start.imag() * fine[f].real());
    }
  }
}

// Rotates every pair (x[j], x[j + half]) of a head by the angle position theta^(-2j / head_size).
struct Rotation {
  index rows, columns, head_size, length;
  real *cosines, *sines;  // [length, half]

  Rotation(Var x, index head_size, index length, double theta, index first)
      : rows(x.shape().rows()), columns(x.shape().columns()), head_size(head_size), length(length) {
    require(head_size > 0 && head_size % 2 == 0 && columns % head_size == 0 && length > 0 &&
                rows % length == 0,
            "rotary_embedding: ", x.shape(), " does not consist of heads of size ", head_size,
            " and sequences of ", length);
    const index half = head_size / 2;
    cosines = x.tape().arena().allocate_array<real>(length * half).data();
    sines = x.tape().arena().allocate_array<real>(length * half).data();
    fill_angles(first, length, half, theta, cosines, sines);
  }

  // Calls f(element of `out`, the rotated value of `in` there). Direction 1 rotates forwards, -1
  // backwards, which is the gradient. `in` and `out` are the same or apart, so the pairs can be
  // turned in any order, which g++ has to be told.
  template <class Function>
  void turn(Team& team, const real* in, real* out, real direction, Function f) const {
    team.split(rows, 64, [=, *this](index begin, index end) {
      const index half = head_size / 2;
      for (index row = begin; row < end; ++row)
        for (index head = row * columns; head < (row + 1) * columns; head += head_size)
#pragma GCC ivdep
          for (index j = 0; j < half; ++j) {
            const real cosine = cosines[row % length * half + j];
            const real sine = sines[row % length * half + j] * direction;
            const real low = in[head + j], high = in[head + j + half];
            f(out[head + j], low * cosine - high * sine);
            f(out[head + j + half], high * cosine + low * sine);
          }
    });
  }
};

constexpr auto overwrite = [](real& to, real value) { to = value; };
constexpr auto increase = [](real& to, real value) { to += value; };

}  // namespace

Var rotary_embedding(Var x, index head_size, index length, double theta, index first) {
  Tape& tape = x.tape();
  const Rotation rotation(x, head_size, length, theta, first);
  Var y = tape.result("rotary_embedding", x.shape(), x);
  rotation.turn(tape.team(), x.value().data, tape.writable(y).data, 1, overwrite);
  y.backward_to(x, [rotation, &team = tape.team()](ConstView dy, View dx) {
    rotation.turn(team, dy.data, dx.data, -1, increase);
  });
  return y;
}

Var rotary_embedding_(Var x, index head_size, index length, double theta, index first) {
  Tape& tape = x.tape();
  const Rotation rotation(x, head_size, length, theta, first);
  Var y = tape.overwrite("rotary_embedding_", x);
  rotation.turn(tape.team(), x.value().data, tape.writable(y).data, 1, overwrite);
  y.backward_to(x, [rotation, &team = tape.team()](ConstView dy, View dx) {
    rotation.turn(team, dy.data, dx.data, -1, overwrite);
  });
  return y;
}

}  // namespace nn
