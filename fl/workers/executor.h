#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "fl/clients/versions.h"
#include "fl/workers/client_worker.h"
#include "fl/workers/idle_workers.h"
#include "nn/model.h"
#include "nn/real.h"

namespace fl {

// Consecutive examples of the test.
struct TestPart {
  int first = 0, count = 0;
  bool has_trigger = false;  // of the attack
};

// What a client is given for a round, wherever it trains; or a part of a test, wherever it is done.
struct Assignment {
  int client = 0;
  int round = 0;           // whose weights it starts from: the same number, the same weights
  std::uint64_t seed = 0;  // of its masks, and of the order of its samples
  double learning_rate = 0;
  Received received;                  // the buffers are those that it begins with
  std::span<const nn::real> state;    // kept from its last round; empty before the first
  std::vector<nn::real> residual;     // what compression has not sent yet
  std::optional<TestPart> test = {};  // to be done with the received model, by no client
};

// What its training gave. An update is valid until take() returns.
struct Trained {
  std::span<nn::real> values;       // sent; empty: it has not trained. Of a test, see do_part()
  std::span<const nn::real> state;  // to keep; empty: as before
  std::span<const nn::real> buffers;
  std::vector<nn::real> residual;
  std::int64_t bytes = 0;  // of the update, as it would be coded
  double loss = 0;         // the mean of its batches
  double seconds = 0;      // of processor time

  bool is_finite() const;
};

// Trains one client with a worker, or does a part of a test. Called for several at once.
using TrainClient = std::function<Trained(const Assignment&, ClientWorker&)>;

// Trains the clients of a round, and tests: on threads of this process, or elsewhere.
class Executor {
 public:
  virtual ~Executor() = default;

  // Trains clients 0 .. count - 1 as assign(number) says, which is called once for each, several at
  // once; an empty one does not train. Calls take(number, trained) after each, strictly in this
  // order and never two at once, so that sums have the same bits whoever trains. Throws what
  // training or either function throws.
  using Assign = std::function<std::optional<Assignment>(int number)>;
  using Take = std::function<void(int number, Trained& trained)>;
  virtual void train(int count, const Assign& assign, const Take& take) = 0;

  // The same for the parts of a test.
  virtual void test(int count, const Assign& assign, const Take& take) {
    train(count, assign, take);
  }
};

// On threads of this process, each with a worker. Those without a client help others.
class ThreadExecutor : public Executor {
 public:
  ThreadExecutor(nn::ModelFactory make_model, nn::DropoutStream dropout, nn::Precision precision,
                 int workers, TrainClient train_client);

  void train(int count, const Assign& assign, const Take& take) override;

  std::vector<ClientWorker>& workers() { return workers_; }
  std::unique_ptr<ClientWorker> new_worker();  // one more, for a thread of the caller's
  IdleWorkers& idle() { return idle_; }
  Trained train_client(const Assignment& assignment, ClientWorker& worker) const {
    return train_client_(assignment, worker);
  }

 private:
  nn::ModelFactory make_model_;
  nn::DropoutStream dropout_;
  nn::Precision precision_;
  TrainClient train_client_;
  IdleWorkers idle_;
  std::vector<ClientWorker> workers_;
};

}  // namespace fl
