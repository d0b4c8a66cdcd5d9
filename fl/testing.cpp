#include "fl/testing.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "fl/parallel.h"

namespace fl {

int test_parts(const data::Examples& examples) {
  return (examples.size() + ClientWorker::test_part_size - 1) / ClientWorker::test_part_size;
}

Evaluation test_model(std::vector<ClientWorker>& workers, const nn::Parameters& model,
                      const data::Examples& examples, const Attack* trigger) {
  const int size = examples.size();
  std::vector<int> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  for (ClientWorker& worker : workers) {
    std::ranges::copy(model.values(), worker.weights().begin());
    std::ranges::copy(model.buffers(), worker.buffers().begin());
  }

  const int part = ClientWorker::test_part_size, parts = test_parts(examples);
  std::vector<Predictions> predictions(parts);
  Predictions all;
  ordered_parallel(
      workers, parts,
      [&](ClientWorker& worker, int task) {
        const int first = task * part;
        predictions[task] = worker.predict(
            examples, std::span(samples).subspan(first, std::min(part, size - first)), trigger);
      },
      [&](ClientWorker&, int task) { all.append(predictions[task]); });
  return evaluate(all, examples.class_count());
}

std::vector<double> test_clients(std::vector<ClientWorker>& workers, const data::Examples& examples,
                                 const std::vector<std::vector<int>>& samples,
                                 const std::function<void(int client, ClientWorker&)>& load) {
  std::vector<int> clients;
  for (std::size_t client = 0; client < samples.size(); ++client)
    if (!samples[client].empty()) clients.push_back(static_cast<int>(client));
  std::vector<double> accuracies(clients.size());
  ordered_parallel(
      workers, static_cast<int>(clients.size()),
      [&](ClientWorker& worker, int task) {
        load(clients[task], worker);
        accuracies[task] =
            evaluate(worker.predict(examples, samples[clients[task]]), examples.class_count())
                .accuracy;
      },
      [](ClientWorker&, int) {});
  return accuracies;
}

}  // namespace fl
