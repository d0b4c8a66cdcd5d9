#include "fl/algorithms.h"

#include <algorithm>
#include <array>

namespace fl {

std::span<const Algorithm> algorithm_table() {
  static constexpr std::array table{
      Algorithm{.name = "fedsgd",
                .label = "FedSGDGradient",
                .description = "clients send the gradient over all their samples",
                .train = full_batch_gradient,
                .apply = step_along,
                .is_full_batch = true},
      Algorithm{.name = "fedsgd-weight",
                .label = "FedSGDWeight",
                .description = "clients take that step themselves and send weights",
                .train = full_batch_step,
                .apply = replace_weights,
                .is_full_batch = true},
      Algorithm{.name = "fedavg",
                .label = "FedAvg",
                .description = "clients train for some epochs and send weights",
                .train = local_epochs,
                .apply = replace_weights},
      Algorithm{.name = "centralized",
                .label = "Centralized",
                .description = "the baseline: one party has all the data",
                .train = shuffled_epochs,
                .apply = replace_weights,
                .is_federated = false},
  };
  return table;
}

const Algorithm* find_algorithm(std::string_view name) {
  const auto found = std::ranges::find(algorithm_table(), name, &Algorithm::name);
  return found == algorithm_table().end() ? nullptr : &*found;
}

}  // namespace fl
