#include "fl/evaluation/testing.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "fl/workers/parallel.h"
#include "nn/base/error.h"

namespace fl {

// Of a part that is shared out: large enough that its message takes little of the time of its test.
// A worker computes it in parts of its own.
static constexpr int shared_part_size = 2 * ClientWorker::test_part_size;

int test_parts(const data::Examples& examples) {
  return (examples.size() + shared_part_size - 1) / shared_part_size;
}

Evaluation test_model(Executor& executor, const Received& model, int version,
                      const data::Examples& examples, bool has_trigger) {
  const auto assign = [&](int number) {
    const int first = number * shared_part_size;
    Assignment part;
    part.round = version;
    part.received = model;
    part.test = {first, std::min(shared_part_size, examples.size() - first), has_trigger};
    return part;
  };
  Predictions all;
  executor.test(test_parts(examples), assign, [&](int, const Trained& part) {
    const auto middle = part.values.begin() + std::ssize(part.values) / 2;
    all.append({{part.values.begin(), middle}, {middle, part.values.end()}, part.loss});
  });
  return evaluate(all, examples.class_count());
}

Trained do_part(const Assignment& assignment, ClientWorker& worker, const data::Examples& examples,
                const Attack* trigger) {
  worker.load(assignment.received, assignment.round);
  const TestPart& part = *assignment.test;
  nn::require(part.first >= 0 && part.count <= examples.size() - part.first, "a test has ",
              examples.size(), " examples, not ", part.count, " from ", part.first, " on");
  std::vector<int> samples(part.count);
  std::iota(samples.begin(), samples.end(), part.first);
  const auto [classes, labels, loss] = worker.predict(examples, samples, trigger);
  Trained trained;
  trained.values = worker.scratch(2 * labels.size());
  std::ranges::copy(labels, std::ranges::copy(classes, trained.values.begin()).out);
  trained.loss = loss;
  return trained;
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
