#include "tools/bench/span.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>
#include <vector>

#include "fl/workers/client_worker.h"
#include "nn/base/stopwatch.h"
#include "nn/models/language_model.h"
#include "nn/models/mnist_cnn.h"
#include "nn/optimizer.h"

namespace bench {

namespace {

constexpr int rehearsals = 5;

template <class Work>
double own_seconds(Work work) {
  const double start = nn::thread_seconds();
  work();
  return nn::thread_seconds() - start;
}

void keep_shortest(std::vector<double>& best, std::span<const double> seconds) {
  if (best.empty()) best.assign(seconds.begin(), seconds.end());
  nn::require(best.size() == seconds.size(), "span: ", best.size(), " parts, then ",
              seconds.size());
  for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], seconds[i]);
}

class LlamaStep {
 public:
  LlamaStep(int sequences, int microbatches)
      : microbatches_(microbatches), ids_(sequences / microbatches * length) {
    nn::require(sequences > 0 && microbatches > 0 && sequences % microbatches == 0,
                "span: ", sequences, " sequences do not divide into ", microbatches,
                " microbatches");
    nn::Generator generator;
    for (int& id : ids_) id = static_cast<int>(generator.next32() % model_.config().vocab_size);
  }

  void operator()(nn::Team& team) {
    nn::Parameters& parameters = model_.parameters();
    tape_.set_team(team);
    for (int i = 0; i < microbatches_; ++i) {
      tape_.reset();
      nn::Var x = model_.embed(tape_, ids_, length);
      for (int block = 1; block < model_.head_block(); ++block) x = model_.layer(block, x, length);
      tape_.backward(model_.loss(x, ids_), nn::real(1) / static_cast<nn::real>(microbatches_));
    }
    nn::require(nn::all_finite(parameters.gradients(), team), "span: a gradient is not finite");
    adam_.step(parameters.values(), parameters.gradients(), team);
    team.split(parameters.size(), 16384, [&](nn::index begin, nn::index end) {
      std::ranges::fill(parameters.gradients().subspan(begin, end - begin), nn::real(0));
    });
  }

 private:
  static constexpr int length = 256;
  int microbatches_;
  nn::LanguageModel model_{nn::LanguageModelConfig()};
  nn::Adam adam_{1e-4};
  nn::Tape tape_;
  std::vector<int> ids_;
};

}  // namespace

double makespan(std::span<const double> seconds, int cores) {
  const std::vector<std::vector<double>> nothing(seconds.size());
  return makespan_in_order(seconds, nothing, cores);
}

double makespan_in_order(std::span<const double> first, std::span<const std::vector<double>> steps,
                         int cores) {
  nn::require(cores > 0 && first.size() == steps.size(), "span: no cores, or halves that differ");
  std::vector<double> free(cores), turns;  // when each core is free, and each step
  double end = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    double& core = *std::ranges::min_element(free);
    core += first[i];
    turns.resize(std::max(turns.size(), steps[i].size()));
    for (std::size_t step = 0; step < steps[i].size(); ++step)
      core = turns[step] = std::max(core, turns[step]) + steps[i][step];
    end = std::max(end, core);
  }
  return end;
}

Rehearsal::Rehearsal(int cores)
    : cores_(cores), team_(cores, nn::thread_seconds, [this](std::span<const double> seconds) {
        const double parts = std::accumulate(seconds.begin(), seconds.end(), 0.0);
        const double before = nn::thread_seconds() - last_end_ - parts;
        keep({&before, 1});
        keep(seconds);
        last_end_ = nn::thread_seconds();
      }) {}

void Rehearsal::run(const std::function<void()>& work) {
  next_ = 0;
  last_end_ = nn::thread_seconds();
  work();
  const double after = nn::thread_seconds() - last_end_;
  keep({&after, 1});
}

void Rehearsal::keep(std::span<const double> seconds) {
  if (next_ == loops_.size()) loops_.emplace_back();
  keep_shortest(loops_[next_++], seconds);
}

double Rehearsal::seconds() const {
  double sum = 0;
  for (const std::vector<double>& parts : loops_) sum += makespan(parts, cores_);
  return sum;
}

double llama_speedup(int cores, int sequences, int microbatches) {
  LlamaStep step(sequences, microbatches);
  Rehearsal one(1), all(cores);
  for (int i = 0; i < rehearsals; ++i)
    for (Rehearsal* rehearsal : {&one, &all}) rehearsal->run([&] { step(rehearsal->team()); });
  return one.seconds() / all.seconds();
}

double cnn_speedup(int cores, int batch) {
  constexpr int part_size = fl::ClientWorker::part_size;
  nn::Generator generator;
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  nn::DropoutMasks masks(nn::DropoutStream::mt);
  nn::Tape tape;
  const nn::Tensor images({part_size, 1, 28, 28});
  const std::vector<int> labels(part_size);
  std::vector<double> best_first, best_update;
  std::vector<std::vector<double>> best_steps((batch + part_size - 1) / part_size);
  for (int i = 0; i < rehearsals; ++i) {
    masks.start_batch(generator, batch);
    std::vector<double> first;
    for (int done = 0; done < batch; done += part_size) {
      const int size = std::min(part_size, batch - done);
      first.push_back(own_seconds([&] {
        tape.reset();
        model.train(masks, done);
        const nn::Var x = tape.constant({images.view().data, {size, 1, 28, 28}});
        const nn::Var loss = nll_loss(model.forward(x), std::span(labels).first(size));
        const nn::real share = static_cast<nn::real>(size) / static_cast<nn::real>(batch);
        tape.backward_data(loss, {&share, loss.shape()});
      }));
      std::vector<double> starts, steps;
      tape.backward_weights([&](int, int) { starts.push_back(nn::thread_seconds()); });
      starts.push_back(nn::thread_seconds());
      std::transform(starts.begin() + 1, starts.end(), starts.begin(), std::back_inserter(steps),
                     std::minus<>());
      keep_shortest(best_steps[done / part_size], steps);
    }
    const double update = own_seconds([&] {
      nn::sgd_step(model.parameters().values(), model.parameters().gradients(), 0.01);
      model.parameters().zero_gradients();
    });
    keep_shortest(best_first, first);
    keep_shortest(best_update, {&update, 1});
  }
  const auto seconds_on = [&](int count) {
    return makespan_in_order(best_first, best_steps, count) + best_update.front();
  };
  return seconds_on(1) / seconds_on(cores);
}

}  // namespace bench
