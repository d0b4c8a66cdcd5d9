#pragma once

#include <span>

#include "nn/real.h"
#include "nn/team.h"

namespace nn {

// Sums with the same bits for any order and grouping of their terms, as in Demmel and Nguyen 2013,
// "Fast Reproducible Floating-Point Summation", with a unit that is fixed in advance. A term is
// rounded to a multiple of 2^-40; double holds every such multiple up to 2^13, so additions are
// exact. A term loses at most 2^-41 (4.5e-13), and from 2^-17 up, where float itself is no finer,
// nothing.

// The terms of a sum of `terms` must be smaller than this in absolute value: 2^13 / terms, rounded
// down to a power of two, and at most 2^11.
double exact_limit(int terms);

// The term as it is added: the nearest multiple of the unit.
inline double exact_term(double term) {
  constexpr double shift = 3 * 0x1p11;  // doubles beside it are one unit apart
  return (term + shift) - shift;
}

// Adds each term, rounded, to the sum beside it and leaves 0 in its place. Returns false if one is
// not below the limit, such as a NaN.
bool move_terms(std::span<real> terms, std::span<double> sums, double limit, Team& team);

// Puts factor * sum into each value, and 0 into the sum. Values are 0 before.
void take_products(std::span<double> sums, double factor, std::span<real> values, Team& team);

}  // namespace nn
