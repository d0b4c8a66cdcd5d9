#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "fl/server.h"
#include "nn/base/stopwatch.h"
#include "tools/bench/cnn.h"
#include "tools/bench/round_parts.h"
#include "tools/bench/span.h"
#include "tools/federated/dataset.h"

namespace bench {

namespace {

constexpr double many = std::numeric_limits<double>::infinity();

template <class Work>
double own_seconds(Work work) {
  const double start = nn::thread_seconds();
  work();
  return nn::thread_seconds() - start;
}

// Times what the workers of a server do, one after another.
class TimedExecutor : public fl::Executor {
 public:
  struct Times {
    std::vector<double> work, take;
  };

  explicit TimedExecutor(fl::ThreadExecutor& threads) : threads_(threads) {}

  void train(int count, const Assign& assign, const Take& take) override {
    clients = measure(count, assign, take);
  }
  void test(int count, const Assign& assign, const Take& take) override {
    tests = measure(count, assign, take);
  }

  Times clients, tests;  // of the last round

 private:
  Times measure(int count, const Assign& assign, const Take& take) {
    Times times;
    for (int number = 0; number < count; ++number) {
      fl::Trained trained;
      times.work.push_back(own_seconds(
          [&] { trained = threads_.train_client(*assign(number), threads_.workers().front()); }));
      times.take.push_back(own_seconds([&] { take(number, trained); }));
    }
    return times;
  }

  fl::ThreadExecutor& threads_;
};

fl::Config config_of_round() {
  fl::Config config;
  config.algorithm = fl::find_algorithm("fedavg");
  config.make_model = make_cnn;
  return config;
}

// One part of a batch, as fl::ClientWorker differentiates it.
class Part {
 public:
  Part(nn::Model& model, int size, int batch) : model_(model), size_(size), batch_(batch) {}

  double differentiate(nn::DropoutMasks& masks, int first) {
    return own_seconds([&] {
      tape_.reset();
      model_.train(masks, first);
      const nn::Var loss = nll_loss(model_.forward(tape_.constant(images_.view())), labels_);
      const nn::real share = static_cast<nn::real>(size_) / static_cast<nn::real>(batch_);
      tape_.backward_data(loss, {&share, loss.shape()});
    });
  }

  // The seconds of each rule for a weight.
  std::vector<double> add_to_weights() {
    std::vector<double> starts, seconds;
    tape_.backward_weights([&](int, int) { starts.push_back(nn::thread_seconds()); });
    starts.push_back(nn::thread_seconds());
    std::transform(starts.begin() + 1, starts.end(), starts.begin(), std::back_inserter(seconds),
                   std::minus<>());
    return seconds;
  }

 private:
  nn::Model& model_;
  int size_, batch_;
  nn::Tape tape_;
  nn::Tensor images_{{size_, 1, 28, 28}};
  std::vector<int> labels_ = std::vector<int>(size_);
};

// A batch of one client.
void measure_batch(int batch, RoundParts& parts) {
  constexpr int size = fl::ClientWorker::part_size;
  nn::require(batch % size == 0, "span: ", batch, " images are not parts of ", size);
  nn::Generator generator;
  const auto model = config_of_round().make_model(generator);
  nn::DropoutMasks masks(nn::DropoutStream::mt);
  Part part(*model, size, batch);
  parts.sums.resize(batch / size);
  for (int i = 0; i < rehearsals; ++i) {
    masks.start_batch(generator, batch);
    std::vector<double> first;
    for (int done = 0; done < batch; done += size) {
      first.push_back(part.differentiate(masks, done));
      keep_shortest(parts.sums[done / size], part.add_to_weights());
    }
    keep_shortest(parts.first, first);
  }
}

double shortest(double best, const std::vector<double>& seconds) {
  return std::min(best, std::ranges::min(seconds));
}

}  // namespace

RoundParts measured_round() {
  const data::ImageDataset dataset = federated::open_images("mnist", "");
  fl::Config config = config_of_round();
  const int all_clients = config.clients;
  config.fraction = 0.05;  // the others would take as long
  fl::Server server(config, dataset);
  TimedExecutor executor(server.threads());
  server.train_with(executor);
  const int samples = static_cast<int>(server.samples().front().size());
  RoundParts parts{.clients = all_clients, .batches = samples / config.training.batch};
  measure_batch(config.training.batch, parts);

  double client = many;
  parts.take = parts.serial = many;
  for (int i = 0; i < rehearsals; ++i) {
    const double all = own_seconds([&] { server.play_round(); });
    double rest = all;
    for (const auto* times : {&executor.clients, &executor.tests})
      for (const auto* seconds : {&times->work, &times->take}) rest -= sum(*seconds);
    client = shortest(client, executor.clients.work);
    parts.take = shortest(parts.take, executor.clients.take);
    parts.serial = std::min(parts.serial, rest);
    keep_shortest(parts.tests, executor.tests.work);
    keep_shortest(parts.take_tests, executor.tests.take);
  }
  parts.update = std::max(0.0, client / parts.batches - parts.batch());
  return parts;
}

}  // namespace bench
