#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace training {

// The first line of loss.csv, for those who write it and those who read it.
constexpr std::string_view losses_header = "Step,Loss,Seconds,Tokens per second";

// What a run wrote into its loss.csv (see LossLog), in ascending steps.
struct Losses {
  std::vector<double> steps, values;
  double tokens_per_second = 0;  // of the whole run, as its last row says
};

// Throws nn::InputError if there is no such file, naming the line that is not a row of it, or if
// not one step is in it.
Losses read_losses(const std::filesystem::path& file);
// The same from memory; complaints call it `name`.
Losses parse_losses(const std::string& text, const std::string& name);

// The largest |a - b| over the steps that both have; NaN if one of these losses is NaN, or there is
// no such step.
double largest_difference(const Losses& a, const Losses& b);

// The mean of each `count` values in a row, at the middle of their steps; the last may be of fewer.
Losses mean_of_every(const Losses& losses, int count);

}  // namespace training
