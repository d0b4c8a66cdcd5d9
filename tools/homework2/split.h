#pragma once

#include <string>

#include "fl/vertical/columns.h"
#include "fl/vertical/config.h"
#include "tools/homework2/exercises.h"

namespace homework2 {

// The course's measurements, on which split learning stands here.
constexpr const char* test_accuracy = "Test accuracy";

// The table with all columns scaled to 0 .. 1 by all of its rows, as in the lab.
data::Table scaled(data::Table table);

// The lab's run for these features per client: the first 821 of 1,025 rows train.
fl::vertical::Config split_config(const Setting& setting, const data::Table& table,
                                  const fl::vertical::Shares& shares, fl::vertical::Quirks quirks);

// The same for exercise 3, the joint VAE: 200 epochs.
fl::vertical::Config vae_config(const Setting& setting, const data::Table& table,
                                const fl::vertical::Shares& shares);

// Trains with all parties in this process, unless the curve was kept.
Curve run_split(const ExerciseContext& context, const std::string& name,
                const data::Table& scaled_table, const fl::vertical::Shares& shares,
                fl::vertical::Quirks quirks);

// "age sex cp | trestbps chol fbs"
std::string text_of(const fl::vertical::Shares& shares);

}  // namespace homework2
