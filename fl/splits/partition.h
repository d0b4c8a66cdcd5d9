#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "data/examples.h"

namespace fl {

// How the training samples are dealt out to the clients.
enum class Split {
  iid,        // a random equal share each
  shards,     // sorted by label, cut into two shards per client (McMahan et al. 2017, section 3)
  dirichlet,  // each label spread over the clients by a Dirichlet(alpha) draw (Hsu et al. 2019)
  labels,     // k labels a client; each label in equal parts (Li et al. 2022, #C = k)
  quantity,   // a Dirichlet(alpha) draw of the samples (Li et al. 2022, quantity skew)
  power_law,  // shares from a log-normal draw with sigma 2 (LEAF, Caldas et al. 2018)
  feature_noise,  // as iid; the clients' inputs are more and more noisy (Li et al. 2022)
  natural,        // as the data says whose they are
};

struct SplitEntry {
  Split split;
  std::string_view name, description;
};
std::span<const SplitEntry> split_table();
std::string_view name_of(Split split);

// The order among samples of one label before they are cut into shards.
enum class LabelSort {
  introsort,  // NumPy's argsort up to 1.24, which the notebook's numbers depend on
  stable,     // by index
};

struct Partition {
  Split split = Split::iid;
  LabelSort sort = LabelSort::introsort;
  double alpha = 0.5;          // of dirichlet and quantity
  int labels_per_client = 2;   // of labels
  double feature_noise = 0.1;  // standard deviation for the last client, of values from 0 to 1
};

// The samples of each client, drawn by numpy.random.default_rng(seed) as the notebook draws them.
// Every sample goes to exactly one client, except those of labels that no client has. Client i of
// `labels` has label i modulo their number, and k - 1 random ones. With dirichlet, labels and
// quantity some clients may get no sample.
std::vector<std::vector<int>> split_samples(std::span<const std::uint8_t> labels, int clients,
                                            const Partition& partition, std::uint64_t seed);
// The same for examples, by their groups. Throws nn::InputError for a natural split if the data
// does not say whose the examples are, or names another number of clients.
std::vector<std::vector<int>> split_samples(const data::Examples& examples, int clients,
                                            const Partition& partition, std::uint64_t seed);

}  // namespace fl
