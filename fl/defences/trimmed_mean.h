#pragma once

#include <span>
#include <string_view>

#include "fl/defences/aggregation.h"

namespace fl {

// The coordinate-wise trimmed mean (Yin et al. 2018, definition 2) of the rows times |S| n_k / n:
// the mean of every number without the int(count trim) smallest and largest. At least one is left.
void trimmed_mean(const UpdateMatrix& updates, double trim, std::span<nn::real> result);

// Throws nn::InputError if that many smallest and largest leave none of the updates.
void check_trim(std::string_view defence, int updates, double trim);

}  // namespace fl
