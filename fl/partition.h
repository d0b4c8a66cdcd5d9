#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fl {

// How the training samples are dealt out to the clients.
enum class Split {
  iid,        // a random equal share each
  shards,     // sorted by label, cut into two shards per client (McMahan et al. 2017, section 3)
  dirichlet,  // each label spread over the clients by a Dirichlet(alpha) draw (Hsu et al. 2019)
};

// The order among samples of one label before they are cut into shards.
enum class LabelSort {
  introsort,  // NumPy's argsort up to 1.24, which the notebook's numbers depend on
  stable,     // by index
};

struct Partition {
  Split split = Split::iid;
  LabelSort sort = LabelSort::introsort;
  double alpha = 0.5;
};

// The samples of each client, drawn by numpy.random.default_rng(seed) as the notebook draws them.
// Every sample goes to exactly one client; with dirichlet some clients may get none.
std::vector<std::vector<int>> split_samples(std::span<const std::uint8_t> labels, int clients,
                                            const Partition& partition, std::uint64_t seed);

}  // namespace fl
