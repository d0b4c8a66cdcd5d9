#include "tools/bench/models.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <string_view>

#include "fl/workers/parallel.h"
#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/models/models.h"
#include "nn/optimizer.h"
#include "nn/random.h"
#include "tools/bench/suites.h"

namespace bench {

namespace {

constexpr int classes = 10, images = 600;

constexpr LayerSize logistic[] = {{784, 10}};
constexpr LayerSize mlp[] = {{784, 200}, {200, 200}, {200, 10}};
constexpr LayerSize mcmahan_cnn[] = {{1, 32, 28, 5}, {32, 64, 14, 5}, {3136, 512}, {512, 10}};
constexpr LayerSize niid_cnn[] = {{1, 6, 24, 5}, {6, 16, 8, 5}, {256, 120}, {120, 84}, {84, 10}};
constexpr LayerSize cifar_cnn[] = {{3, 32, 32, 3}, {32, 64, 16, 3}, {64, 128, 8, 3}, {2048, 10}};
constexpr LayerSize resnet8[] = {{3, 16, 32, 3},                       //
                                 {16, 16, 32, 3},    {16, 16, 32, 3},  //
                                 {16, 32, 16, 3, 2}, {32, 32, 16, 3},  //
                                 {16, 32, 16, 1, 2},                   // beside the two
                                 {32, 64, 8, 3, 2},  {64, 64, 8, 3},   //
                                 {32, 64, 8, 1, 2},  {64, 10}};

struct Work {
  std::string_view model, text;  // the model's name in nn::model_table() and in models.py
  int batch, channels, side;
  std::span<const LayerSize> layers;
};
constexpr Work table[] = {
    {"logistic", "Logistic regression", 10, 1, 28, logistic},
    {"mlp", "2NN", 10, 1, 28, mlp},
    {"mcmahan_cnn", "McMahan's CNN", 10, 1, 28, mcmahan_cnn},
    {"niid_cnn", "NIID-Bench's CNN", 64, 1, 28, niid_cnn},
    {"cifar_cnn", "CNN with GroupNorm", 64, 3, 32, cifar_cnn},
    {"resnet8", "ResNet-8 with GroupNorm", 64, 3, 32, resnet8},
};

}  // namespace

std::span<const LayerSize> layers_of(std::string_view model) {
  const auto row = std::ranges::find(table, model, &Work::model);
  nn::require(row != std::end(table), "bench: no model ", model);
  return row->layers;
}

ModelWork::ModelWork(const std::string& model, int channels, int side, int threads)
    : samples_(images) {
  images_.channels = channels;
  images_.height = images_.width = side;
  images_.pixels.resize(images * channels * side * side);
  images_.labels.resize(images);
  images_.mean.assign(channels, 0.5F);
  images_.stddev.assign(channels, 0.3F);
  nn::Generator generator;
  for (std::uint8_t& pixel : images_.pixels) pixel = generator.next32() & 255;
  for (std::uint8_t& label : images_.labels) label = generator.next32() % classes;
  std::iota(samples_.begin(), samples_.end(), 0);

  const auto entry = std::ranges::find(nn::model_table(), model, &nn::ModelEntry::name);
  nn::require(entry != nn::model_table().end(), "bench: no model ", model);
  const nn::InputShape shape{channels, side, side};
  const auto make = [=](nn::Generator& weights) { return entry->make(shape, classes, weights); };
  nn::blas::reserve(threads);
  for (int i = 0; i < threads; ++i) workers_.emplace_back(make, nn::DropoutStream::mt);
}

void ModelWork::train(int count, int batch) {
  const auto steps = [&](fl::ClientWorker& worker, int client) {
    nn::Generator generator(client);
    for (int first = 0; first < count; first += batch) {
      const int size = std::min(batch, count - first);
      worker.compute_gradient(images_, std::span(samples_).subspan(first, size), generator);
      nn::sgd_step(worker.weights(), worker.gradients(), 0.01);
    }
  };
  fl::ordered_parallel(workers_, static_cast<int>(workers_.size()), steps,
                       [](fl::ClientWorker&, int) {});
}

void ModelWork::test(int count) {
  const auto parts = [&](fl::ClientWorker& worker, int) {
    for (int first = 0; first < count; first += fl::ClientWorker::test_part_size)
      worker.predict(images_,
                     std::span(samples_).subspan(
                         first, std::min(fl::ClientWorker::test_part_size, count - first)));
  };
  fl::ordered_parallel(workers_, static_cast<int>(workers_.size()), parts,
                       [](fl::ClientWorker&, int) {});
}

std::vector<Benchmark> model_benchmarks(const SuiteOptions& options) {
  const int threads = options.threads;
  std::vector<Benchmark> benchmarks;
  for (const Work& row : table) {
    const auto ours = std::make_shared<Contestant>(Contestant::ours([=]() -> Contestant::Jobs {
      const auto work =
          std::make_shared<ModelWork>(std::string(row.model), row.channels, row.side, threads);
      return {{"train", [=] { work->train(images, row.batch); }},
              {"test", [=] { work->test(images); }}};
    }));
    const Peers peers(options, "models.py", std::string(row.model));
    const auto add = [&](const std::string& job, const std::string& text, double flops) {
      benchmarks.push_back(
          {.name = nn::concat(row.model, '-', job),
           .readings = {{nn::concat(row.text, text), "images/s", 1, true}},
           .ours = [=] { return ours->seconds(job) / (threads * images); },
           .peers = peers.at([=](Contestant& peer) { return peer.seconds(job) / images; }),
           .limit = [=, peak = options.peak] { return flops / peak->flops_per_second(); }});
    };
    add("train", nn::concat(" training, B=", row.batch), training_flops(row.layers));
    add("test", " testing", testing_flops(row.layers));
  }
  return benchmarks;
}

}  // namespace bench
