#include "tools/python/trainer.h"

#include <algorithm>
#include <csignal>
#include <memory>

#include "fl/algorithms.h"
#include "fl/parallel.h"
#include "fl/testing.h"
#include "nn/base/stopwatch.h"
#include "nn/blas.h"
#include "nn/optimizer.h"
#include "tools/program/program.h"

namespace python {

static std::unique_ptr<fl::Algorithm> make_algorithm(const tributary_training& training,
                                                     std::size_t size) {
  const fl::AlgorithmEntry* entry = fl::find_algorithm(training.algorithm);
  nn::require(entry, "there is no algorithm ", training.algorithm);
  fl::Config config;
  config.algorithm = entry;
  return entry->make(config, size);
}

Trainer::Trainer(const data::Task& task, const nn::ModelFactory& make_model, int threads)
    : task_(task) {
  nn::blas::reserve(threads);
  for (int i = 0; i < threads; ++i)
    workers_.emplace_back(make_model, nn::DropoutStream::mt, &idle_);
}

void Trainer::start(int round_weight) {
  mean_.start(0);
  round_weight_ = round_weight;
  updates_ = 0;
}

std::span<nn::real> Trainer::train_client(const fl::Algorithm& algorithm,
                                          const tributary_training& training,
                                          const tributary_client& client, const float* weights,
                                          fl::ClientWorker& worker) const {
  std::ranges::copy(std::span(weights, size()), worker.weights().begin());
  nn::Generator generator(client.seed);
  fl::LocalTraining local;
  local.learning_rate = training.learning_rate;
  local.batch = training.batch;
  local.epochs = training.epochs;
  local.is_shuffled = training.is_shuffled != 0;
  fl::ClientContext context{.client = 0,
                            .round = 0,
                            .examples = task_.train,
                            .samples = {client.samples, static_cast<std::size_t>(client.size)},
                            .training = local,
                            .generator = generator,
                            .worker = worker,
                            .server_weights = {weights, size()},
                            .broadcast = {},
                            .state = {}};
  return algorithm.train(context).values;
}

void Trainer::train(const tributary_training& training, std::span<tributary_client> clients,
                    const float* weights, float* update, tributary_stop stop) {
  nn::require(!update || clients.size() == 1, "the update of one client is wanted, not of ",
              clients.size());
  const std::unique_ptr<fl::Algorithm> algorithm = make_algorithm(training, size());
  std::vector<std::span<nn::real>> updates(clients.size());
  const fl::NobodyIdle afterwards(idle_);
  fl::ordered_parallel(
      workers_, static_cast<int>(clients.size()),
      [&](fl::ClientWorker& worker, int task) {
        if (&worker == &workers_.front() && stop && stop()) throw tools::Stopped{SIGINT};
        if (clients[task].size == 0) return;
        const double start = nn::thread_seconds() + worker.helped_seconds();
        updates[task] = train_client(*algorithm, training, clients[task], weights, worker);
        clients[task].seconds = nn::thread_seconds() + worker.helped_seconds() - start;
      },
      [&](fl::ClientWorker&, int task) {
        if (update)
          std::ranges::copy(updates[task], update);
        else
          clients[task].is_excluded = !add(updates[task], clients[task].weight);
      },
      [&](fl::ClientWorker& worker) { idle_.add(worker); });
}

bool Trainer::add(std::span<const nn::real> update, int weight) {
  if (update.empty() || weight == 0 || !nn::all_finite(update)) return false;
  mean_.add({updates_++, update, weight, round_weight_});
  return true;
}

void Trainer::finish(const tributary_training& training, std::span<nn::real> weights) {
  if (updates_ == 0) return;
  fl::ServerContext server{weights, 0, updates_, updates_, training.learning_rate};
  make_algorithm(training, size())->apply(server, mean_.result());
}

double Trainer::test(const nn::Parameters& model) {
  return fl::test_model(workers_, model, task_.test).accuracy;
}

}  // namespace python
