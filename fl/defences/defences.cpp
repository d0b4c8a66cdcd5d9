#include "fl/defences/defences.h"

#include "nn/base/named_row.h"

namespace fl {

namespace {

// The options that several defences share, with the presets of the course's lab 3.
Option trim() { return {"trim", "share that is dropped on either side", 0.4, 0, 0.5}; }
Option byzantine(double preset) {
  return {"byzantine", "malicious clients of a round to stand against", preset, 0, 1e6, whole};
}
Option keep() { return {"keep", "updates that are chosen", 14, 1, 1e6, whole}; }
Option clip_ratio() {
  return {"clip-ratio", "largest norm, as a multiple of the mean norm", 1, 1e-6, 1e6};
}
Option iterations(double preset) {
  return {"iterations", "steps towards the centre of the updates", preset, 1, 1000, whole};
}

}  // namespace

std::span<const DefenceEntry> defence_table() {
  static const std::vector<DefenceEntry> table{
      {.name = "median",
       .label = "Median",
       .description = "the median of every number",
       .make = make_median},
      {.name = "trimmed-mean",
       .label = "Trimmed mean",
       .description = "the mean of every number without its largest and smallest",
       .make = make_trimmed_mean,
       .options = {trim()},
       .check = check_trimmed_mean},
      {.name = "krum",
       .label = "Krum",
       .description = "the one update that is closest to most others",
       .make = make_krum,
       .options = {byzantine(4)},
       .check = check_krum},
      {.name = "multi-krum",
       .label = "Multi-Krum",
       .description = "the mean of several updates, chosen one by one as Krum does",
       .make = make_multi_krum,
       .options = {keep(), byzantine(5)},
       .check = check_multi_krum},
      {.name = "bulyan",
       .label = "Bulyan",
       .description = "the trimmed mean of the updates that multi-krum chooses",
       .make = make_bulyan,
       .options = {keep(), byzantine(5), trim()},
       .check = check_bulyan},
      {.name = "geometric-median",
       .label = "Geometric median",
       .description = "the point with the smallest sum of distances to the updates",
       .make = make_geometric_median,
       .options = {iterations(3),
                   {"smoothing", "distance below which all count as equal", 1e-6, 1e-12, 1}}},
      {.name = "majority-sign",
       .label = "Majority sign",
       .description = "the mean of every number, without those of the minority's sign",
       .make = make_majority_sign},
      {.name = "clip",
       .label = "Clipping",
       .description = "updates longer than the mean length are shortened to it",
       .make = make_clip,
       .options = {clip_ratio()}},
      {.name = "centered-clip",
       .label = "Centered clipping",
       .description = "updates are drawn towards the last round's aggregate",
       .make = make_centered_clip,
       .options = {{"clip-radius", "largest distance from the last round's aggregate", 0.1, 1e-6,
                    1e6},
                   iterations(1)}},
      {.name = "sparsefed",
       .label = "SparseFed",
       .description = "clip, and then only the largest numbers of the aggregate",
       .make = make_sparsefed,
       .options = {clip_ratio(),
                   {"top-k", "share of the aggregate's numbers that is kept", 0.2, 1e-9, 1}}},
      {.name = "dp",
       .label = "DP-FedAvg",
       .description = "the mean of clipped changes with noise: differential privacy",
       .make = make_dp,
       .options = {{"dp-clip", "largest L2 norm of a change", 1, 1e-9, 1e9},
                   {"dp-noise", "noise of the sum, as a multiple of the clip", 1, 0, 1e3},
                   {"dp-delta", "delta that epsilon is given for", 1e-5, 1e-15, 0.5},
                   {"dp-clip-quantile", "of the norms, which the clip follows; 0: fixed", 0, 0, 1},
                   {"dp-clip-rate", "how fast it follows", 0.2, 0, 10}},
       .is_private = true,
       .has_noise = true},
      {.name = "secure-mean",
       .label = "Secure mean",
       .description = "the mean, by a protocol that shows the server no single update",
       .make = make_secure_mean,
       .options = {{"secure-threshold", "share of the clients that must remain", 0.6, 0.5, 1},
                   {"secure-drop-out", "share that drops out in each step", 0, 0, 1}},
       .check = check_secure_mean,
       .is_private = true},
  };
  return table;
}

const DefenceEntry* find_defence(std::string_view name) {
  return nn::find_row(defence_table(), name);
}

}  // namespace fl
