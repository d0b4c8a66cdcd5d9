#include "fl/workers/client_worker.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <numeric>

#include "fl/attacks/attacks.h"
#include "fl/workers/parallel.h"
#include "fl/workers/relay.h"
#include "nn/base/stopwatch.h"

namespace fl {

namespace {

int part_count(std::span<const int> samples, int size) {
  return (static_cast<int>(samples.size()) + size - 1) / size;
}

}  // namespace

ClientWorker::ClientWorker(const nn::ModelFactory& make_model, nn::DropoutStream dropout,
                           IdleWorkers* idle, nn::Precision precision)
    : tape_(std::make_unique<nn::Tape>()),
      masks_(std::make_unique<nn::DropoutMasks>(dropout)),
      idle_(idle) {
  tape_->set_precision(precision);
  nn::Generator generator;
  model_ = make_model(generator);
}

int ClientWorker::training_part(const data::Examples& examples) {
  return std::clamp(200 / examples.labels_per_example(), 1, part_size);
}

void ClientWorker::load(const Received& model, std::optional<int> version) {
  if (version && version == version_) return;
  std::ranges::copy(model.weights, weights().begin());
  std::ranges::copy(model.buffers, buffers().begin());
  version_ = version;
}

std::span<nn::real> ClientWorker::scratch(std::size_t size) {
  scratch_.resize(std::max(size, scratch_.size()));
  return std::span(scratch_).first(size);
}

data::BatchPart ClientWorker::load_batch(const data::Examples& examples, std::span<const int> batch,
                                         int first, int size) {
  const std::span<const int> part =
      batch.subspan(first, std::min<std::size_t>(size, batch.size() - first));
  const nn::Shape shape = examples.shape(static_cast<nn::index>(part.size()));
  nn::real* inputs = tape_->arena().allocate_array<nn::real>(shape.size()).data();
  const std::span<int> labels =
      tape_->arena().allocate_array<int>(part.size() * examples.labels_per_example());
  examples.copy_batch(part, inputs, labels);
  return {examples, {inputs, shape}, labels, first, static_cast<int>(batch.size())};
}

double ClientWorker::differentiate(const data::Examples& examples, std::span<const int> samples,
                                   int part, int size, nn::DropoutMasks& masks,
                                   const Attack* attack) {
  tape_->reset();
  tape_->set_recording(true);
  model_->train(masks, static_cast<nn::index>(part) * size);
  data::BatchPart batch = load_batch(examples, samples, part * size, size);
  if (attack) attack->poison(batch);
  const nn::Var loss = model_->loss(tape_->constant(batch.inputs), batch.labels);
  const double share = share_of(batch);
  const auto dloss = static_cast<nn::real>(share);
  tape_->backward_data(loss, {&dloss, loss.shape()});
  return share * loss.value()[0];
}

std::optional<double> ClientWorker::ask_source(const data::Examples& examples,
                                               std::span<const int> samples, int size) {
  if (!source_) return {};
  tape_->reset();
  std::vector<data::BatchPart> parts;
  for (int part = 0; part < part_count(samples, size); ++part) {
    parts.push_back(load_batch(examples, samples, part * size, size));
    if (attack_) attack_->poison(parts.back());
  }
  return source_->compute(weights(), parts, gradients());
}

double ClientWorker::compute_gradient(const data::Examples& examples, std::span<const int> samples,
                                      nn::Generator& generator) {
  const int size =
      model_->needs_whole_batch() ? static_cast<int>(samples.size()) : training_part(examples);
  if (const std::optional<double> loss = ask_source(examples, samples, size)) return *loss;
  const int parts = part_count(samples, size);
  model_->parameters().zero_gradients();
  masks_->start_batch(generator, static_cast<nn::index>(samples.size()));
  std::vector<ClientWorker*> team{this};
  if (idle_) std::ranges::copy(idle_->take(parts - 1), std::back_inserter(team));
  for (ClientWorker* helper : std::span(team).subspan(1))
    helper->model_->parameters().borrow(&model_->parameters());

  std::vector<double> losses(parts);
  Relay relay(parts);
  std::mutex mutex;
  ordered_parallel(
      team, parts,
      [&](ClientWorker* worker, int part) {
        const Relay::Runner runner(relay, part);
        losses[part] = worker->differentiate(examples, samples, part, size, *masks_, attack_);
        worker->tape_->backward_weights([&](int rule, int last) { runner.begin(rule, last); });
      },
      [](ClientWorker*, int) {},
      [&](ClientWorker* worker) {
        if (worker == this) return;
        worker->model_->parameters().borrow(nullptr);
        idle_->add(*worker);
        const std::lock_guard lock(mutex);
        helped_seconds_ += nn::thread_seconds();
      });
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

Predictions ClientWorker::predict(const data::Examples& examples, std::span<const int> samples,
                                  const Attack* trigger) {
  Predictions result;
  model_->evaluate();
  tape_->set_recording(false);
  for (int part = 0; part < part_count(samples, test_part_size); ++part) {
    tape_->reset();
    data::BatchPart batch = load_batch(examples, samples, part * test_part_size, test_part_size);
    if (trigger) trigger->trigger(batch);
    const nn::ConstView scores = model_->forward(tape_->constant(batch.inputs)).value();
    const nn::index classes = scores.shape.columns();
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      const nn::real* row = scores.data + static_cast<nn::index>(i) * classes;
      result.classes.push_back(static_cast<int>(std::max_element(row, row + classes) - row));
      result.loss -= row[batch.labels[i]];
    }
    result.labels.insert(result.labels.end(), batch.labels.begin(), batch.labels.end());
  }
  return result;
}

}  // namespace fl
