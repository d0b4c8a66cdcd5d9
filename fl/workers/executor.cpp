#include "fl/workers/executor.h"

#include <utility>

#include "fl/workers/parallel.h"
#include "nn/blas.h"
#include "nn/optimizer.h"

namespace fl {

bool Trained::is_finite() const {
  return nn::all_finite(values) && nn::all_finite(state) && nn::all_finite(buffers) &&
         nn::all_finite(residual);
}

ThreadExecutor::ThreadExecutor(nn::ModelFactory make_model, nn::DropoutStream dropout,
                               nn::Precision precision, int workers, TrainClient train_client)
    : make_model_(std::move(make_model)),
      dropout_(dropout),
      precision_(precision),
      train_client_(std::move(train_client)) {
  nn::blas::reserve(workers);
  for (int i = 0; i < workers; ++i)
    workers_.emplace_back(make_model_, dropout_, &idle_, precision_);
}

std::unique_ptr<ClientWorker> ThreadExecutor::new_worker() {
  return std::make_unique<ClientWorker>(make_model_, dropout_, &idle_, precision_);
}

void ThreadExecutor::train(int count, const Assign& assign, const Take& take) {
  const NobodyIdle afterwards(idle_);
  std::vector<Trained> trained(count);
  ordered_parallel(
      workers_, count,
      [&](ClientWorker& worker, int number) {
        if (const std::optional<Assignment> assignment = assign(number))
          trained[number] = train_client_(*assignment, worker);
      },
      [&](ClientWorker&, int number) { take(number, trained[number]); },
      [&](ClientWorker& worker) { idle_.add(worker); });
}

}  // namespace fl
