#include "fl/testing.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "fl/parallel.h"

namespace fl {

// Of a part that is shared out: large enough that its message takes little of the time of its test.
// A worker computes it in parts of its own.
static constexpr int shared_part_size = 2 * ClientWorker::test_part_size;

int test_parts(const data::Examples& examples) {
  return (examples.size() + shared_part_size - 1) / shared_part_size;
}

TestPart test_part(const data::Examples& examples, int number) {
  const int first = number * shared_part_size;
  return {first, std::min(shared_part_size, examples.size() - first)};
}

std::vector<int> samples_of(const TestPart& part) {
  std::vector<int> samples(part.count);
  std::iota(samples.begin(), samples.end(), part.first);
  return samples;
}

Trained pack(const Predictions& predictions, ClientWorker& worker) {
  const auto& [classes, labels, loss] = predictions;
  const std::span<nn::real> values = worker.scratch(2 * labels.size());
  std::ranges::copy(labels, std::ranges::copy(classes, values.begin()).out);
  Trained trained;
  trained.values = values;
  trained.loss = loss;
  return trained;
}

Predictions unpack(const Trained& trained) {
  const auto middle = trained.values.begin() + std::ssize(trained.values) / 2;
  return {{trained.values.begin(), middle}, {middle, trained.values.end()}, trained.loss};
}

Evaluation test_model(std::vector<ClientWorker>& workers, const nn::Parameters& model,
                      const data::Examples& examples, const Attack* trigger) {
  for (ClientWorker& worker : workers) {
    std::ranges::copy(model.values(), worker.weights().begin());
    std::ranges::copy(model.buffers(), worker.buffers().begin());
  }

  const int parts = test_parts(examples);
  std::vector<Predictions> predictions(parts);
  Predictions all;
  ordered_parallel(
      workers, parts,
      [&](ClientWorker& worker, int task) {
        predictions[task] =
            worker.predict(examples, samples_of(test_part(examples, task)), trigger);
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
