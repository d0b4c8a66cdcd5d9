#pragma once

#include <functional>
#include <vector>

#include "fl/evaluation/evaluation.h"
#include "fl/workers/client_worker.h"
#include "fl/workers/executor.h"

// Tests of models by all workers at once, with the same bits for any number of them.
namespace fl {

// The parts that a test on these examples is split into: the most workers it can use.
int test_parts(const data::Examples& examples);

// The model on all examples, wherever the executor lets clients train. `version`: as
// Assignment::round.
Evaluation test_model(Executor& executor, const Received& model, int version,
                      const data::Examples& examples, bool has_trigger = false);

// A part of it, by a worker of the executor. As an update: the values are the predicted classes and
// after them the labels, and the loss is a sum. With a trigger, all examples carry the attack's.
Trained do_part(const Assignment& assignment, ClientWorker& worker, const data::Examples& examples,
                const Attack* trigger = nullptr);

// The accuracy in percent of each client that has samples; others are left out. `load` puts a
// client's model into a worker; several threads call it.
std::vector<double> test_clients(std::vector<ClientWorker>& workers, const data::Examples& examples,
                                 const std::vector<std::vector<int>>& samples,
                                 const std::function<void(int client, ClientWorker&)>& load);

}  // namespace fl
