#include "tools/python/trainer.h"

#include <algorithm>
#include <csignal>
#include <memory>

#include "fl/algorithms/algorithms.h"
#include "fl/evaluation/testing.h"
#include "nn/base/stopwatch.h"
#include "nn/optimizer.h"
#include "nn/precision.h"
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
    : task_(task),
      executor_(make_model, nn::DropoutStream::mt, nn::Precision::full, threads,
                [this](const fl::Assignment& assignment, fl::ClientWorker& worker) {
                  return assignment.test ? fl::do_part(assignment, worker, task_.test)
                                         : train_client(assignment, worker);
                }) {}

void Trainer::start(int round_weight) {
  mean_.start(0);
  round_weight_ = round_weight;
  updates_ = 0;
}

fl::Trained Trainer::train_client(const fl::Assignment& assignment, fl::ClientWorker& worker) {
  const auto& [training, clients, algorithm, stop] = *asked_;
  const bool is_callers_thread = &worker == &executor_.workers().front();
  if (is_callers_thread && stop && stop()) throw tools::Stopped{SIGINT};
  worker.load(assignment.received);
  const double start = nn::thread_seconds() + worker.helped_seconds();
  const tributary_client& client = clients[assignment.client];
  nn::Generator generator(assignment.seed);
  fl::LocalTraining local;
  local.learning_rate = assignment.learning_rate;
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
                            .server_weights = assignment.received.weights,
                            .broadcast = {},
                            .state = {}};
  fl::Trained trained;
  trained.values = algorithm.train(context).values;
  trained.seconds = nn::thread_seconds() + worker.helped_seconds() - start;
  return trained;
}

void Trainer::train(const tributary_training& training, std::span<tributary_client> clients,
                    const float* weights, float* update, tributary_stop stop) {
  nn::require(!update || clients.size() == 1, "the update of one client is wanted, not of ",
              clients.size());
  const std::unique_ptr<fl::Algorithm> algorithm = make_algorithm(training, size());
  const Asked asked{training, clients, *algorithm, stop};
  asked_ = &asked;
  executor_.train(
      static_cast<int>(clients.size()),
      [&](int number) -> std::optional<fl::Assignment> {
        if (clients[number].size == 0) return {};
        return fl::Assignment{.client = number,
                              .seed = clients[number].seed,
                              .learning_rate = training.learning_rate,
                              .received = {{weights, size()}, {}, {}},
                              .state = {},
                              .residual = {}};
      },
      [&](int number, fl::Trained& trained) {
        clients[number].seconds = trained.seconds;
        if (update)
          std::ranges::copy(trained.values, update);
        else
          clients[number].is_excluded = !add(trained.values, clients[number].weight);
      });
  asked_ = nullptr;
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
  return fl::test_model(executor_, {model.values(), model.buffers(), {}}, ++tests_, task_.test)
      .accuracy;
}

}  // namespace python
