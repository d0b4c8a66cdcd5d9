#pragma once

#include <functional>
#include <vector>

#include "fl/client_worker.h"
#include "fl/evaluation.h"
#include "fl/executor.h"

// Tests of models by all workers at once, with the same bits for any number of them.
namespace fl {

// The parts that a test on these examples is split into: the most workers it can use.
int test_parts(const data::Examples& examples);
TestPart test_part(const data::Examples& examples, int number);
std::vector<int> samples_of(const TestPart& part);

// What a worker makes of a part, as an update whose values are the predicted classes and after them
// the labels; `loss` is the sum. Back again.
Trained pack(const Predictions& predictions, ClientWorker& worker);
Predictions unpack(const Trained& trained);

// On all examples, which carry the attack's trigger if there is one. Afterwards the workers have
// the model's weights and buffers.
Evaluation test_model(std::vector<ClientWorker>& workers, const nn::Parameters& model,
                      const data::Examples& examples, const Attack* trigger = nullptr);

// The accuracy in percent of each client that has samples; others are left out. `load` puts a
// client's model into a worker; several threads call it.
std::vector<double> test_clients(std::vector<ClientWorker>& workers, const data::Examples& examples,
                                 const std::vector<std::vector<int>>& samples,
                                 const std::function<void(int client, ClientWorker&)>& load);

}  // namespace fl
