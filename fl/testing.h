#pragma once

#include <functional>
#include <vector>

#include "fl/client_worker.h"
#include "fl/evaluation.h"

// Tests of models by all workers at once, with the same bits for any number of them.
namespace fl {

// How many parts a test on these examples has; so many workers can take part.
int test_parts(const data::Examples& examples);

// On all examples, which carry the attack's trigger if there is one. Afterwards the workers have
// the model's weights and buffers.
Evaluation test_model(std::vector<ClientWorker>& workers, const nn::Parameters& model,
                      const data::Examples& examples, const Attack* trigger = nullptr);

// Of each client that has samples, on these, in percent: by the model that `load` gives a worker,
// which is called by several threads.
std::vector<double> test_clients(std::vector<ClientWorker>& workers, const data::Examples& examples,
                                 const std::vector<std::vector<int>>& samples,
                                 const std::function<void(int client, ClientWorker&)>& load);

}  // namespace fl
