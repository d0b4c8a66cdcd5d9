#pragma once

#include "fl/algorithm.h"

// The pieces that the table in algorithms.cpp combines, one file each.
namespace fl {

// fedsgd.cpp: FederatedSGD (McMahan et al. 2017, section 2)
std::span<const nn::real> full_batch_gradient(Worker&, const data::ImageSet&, std::span<const int>,
                                              const LocalTraining&, nn::Generator&);
std::span<const nn::real> full_batch_step(Worker&, const data::ImageSet&, std::span<const int>,
                                          const LocalTraining&, nn::Generator&);
void step_along(std::span<nn::real> weights, std::span<const nn::real> mean_gradient,
                const LocalTraining&);

// fedavg.cpp: FederatedAveraging (McMahan et al. 2017, algorithm 1)
std::span<const nn::real> local_epochs(Worker&, const data::ImageSet&, std::span<const int>,
                                       const LocalTraining&, nn::Generator&);
void replace_weights(std::span<nn::real> weights, std::span<const nn::real> mean_weights,
                     const LocalTraining&);

// centralized.cpp: the baseline without federation
std::span<const nn::real> shuffled_epochs(Worker&, const data::ImageSet&, std::span<const int>,
                                          const LocalTraining&, nn::Generator&);

}  // namespace fl
