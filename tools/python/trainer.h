#pragma once

#include <span>

#include "data/examples.h"
#include "fl/algorithms/algorithm.h"
#include "fl/defences/aggregation.h"
#include "fl/workers/executor.h"
#include "nn/model.h"
#include "tools/python/tributary.h"

namespace python {

// Trains clients and tests models for a server that is written elsewhere: it chooses the clients
// and counts the rounds. The bits are those of fl::Server.
class Trainer {
 public:
  // The examples must outlive it.
  Trainer(const data::Task& task, const nn::ModelFactory& make_model, int threads);

  // `round_weight`: of all clients of the round.
  void start(int round_weight);

  // Trains the clients from these weights, at the same time, and adds their updates to the mean in
  // their order, or copies that of a single one to `update`. Throws tools::Stopped if `stop` says
  // so between two clients.
  void train(const tributary_training& training, std::span<tributary_client> clients,
             const float* weights, float* update, tributary_stop stop);

  // Whether the update counts: one that is not finite does not.
  bool add(std::span<const nn::real> update, int weight);

  // Moves the weights as the algorithm says; they stay if no update counts.
  void finish(const tributary_training& training, std::span<nn::real> weights);

  double test(const nn::Parameters& model);  // percent of the test examples

  std::size_t size() { return executor_.workers().front().parameters().values().size(); }

 private:
  // What train() was called with.
  struct Asked {
    const tributary_training& training;
    std::span<const tributary_client> clients;
    const fl::Algorithm& algorithm;
    tributary_stop stop;
  };
  fl::Trained train_client(const fl::Assignment& assignment, fl::ClientWorker& worker);

  data::Task task_;
  fl::ThreadExecutor executor_;
  const Asked* asked_ = nullptr;
  fl::WeightedMean mean_;
  int round_weight_ = 0, updates_ = 0, tests_ = 0;
};

}  // namespace python

struct tributary_trainer : python::Trainer {
  using Trainer::Trainer;
};
