#pragma once

#include <vector>

#include "fl/defences/aggregation.h"

namespace fl {

// Between all rows: [count, count], 0 on the diagonal. Infinite where a double overflows, never
// NaN.
std::vector<double> squared_distances(const UpdateMatrix& updates);

// Krum `keep` times over (Blanchard et al. 2017, sections 4 and 5): of the n rows left, it takes
// the one with the smallest sum of squared distances to its n - byzantine - 2 nearest; of equals,
// the one of the client with the lowest number. In the course's lab 3 the last choice is always
// among equals: n is 7 and byzantine 5, which leaves no neighbours. Returns the rows in ascending
// order.
//
// Where rows are missing, byzantine is lowered until count >= 2 byzantine + 3, and then keep until
// count >= keep + byzantine + 1; at least one row is chosen.
std::vector<int> choose_by_krum(const UpdateMatrix& updates, int keep, int byzantine);

}  // namespace fl
