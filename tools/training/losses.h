#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace training {

// The first line of loss.csv, for its writer and its readers: the second if gradients are clipped.
constexpr std::string_view losses_header = "Step,Loss,Seconds,Tokens per second";
constexpr std::string_view header_with_norms = "Step,Loss,Seconds,Tokens per second,Norm";

// The contents of a run's loss.csv (see LossLog), in ascending steps.
struct Losses {
  std::vector<double> steps, values;  // norms of gradients are left out
  double tokens_per_second = 0;       // of the whole run, from its last row
};

// Throws nn::InputError if there is no such file, if it has no steps, or, with the line's number,
// if a line is not a valid row.
Losses read_losses(const std::filesystem::path& file);
// The same from memory; complaints call it `name`.
Losses parse_losses(const std::string& text, const std::string& name);

// The largest |a - b| over the steps that both have; NaN if one of these losses is NaN or there are
// no such steps.
double largest_difference(const Losses& a, const Losses& b);

// The means of `count` consecutive values each, at the middle of their steps; the last group may be
// smaller.
Losses mean_of_every(const Losses& losses, int count);

}  // namespace training
