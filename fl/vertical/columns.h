#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/tables/table.h"
#include "nn/tensor.h"

namespace fl::vertical {

// The features of each client.
using Shares = std::vector<std::vector<std::string>>;

// The features in their order, cut into parts as equal as whole numbers are; the last clients have
// one more where it does not work out: 3, 3, 3 and 4 of 13. Throws nn::InputError if there are more
// clients than features.
Shares deal_in_order(const std::vector<std::string>& features, int clients);

// Every feature, those with most columns first, goes to the client that has fewest columns so far.
Shares deal_evenly(const data::Table& table, int clients);

// The table's columns of these features, feature by feature: [rows, columns]
nn::Tensor columns_of(const data::Table& table, std::span<const std::string> features);
// How many there are.
nn::index count_columns(const data::Table& table, std::span<const std::string> features);

}  // namespace fl::vertical
