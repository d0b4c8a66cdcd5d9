#include "tools/bench/cnn.h"

#include <algorithm>
#include <numeric>

#include "fl/workers/parallel.h"
#include "nn/blas.h"
#include "nn/kernels/bf16_products.h"
#include "nn/models/mnist_cnn.h"
#include "nn/optimizer.h"
#include "tools/bench/half_precision.h"
#include "tools/bench/multiplications.h"
#include "tools/bench/suites.h"
#include "tools/federated/dataset.h"

namespace bench {

namespace {

constexpr LayerSize layers[] = {{1, 32, 26, 3}, {32, 64, 24, 3}, {9216, 128}, {128, 10}};

constexpr int test_images = 10000;

std::shared_ptr<Contestant> cnn_in(nn::Precision precision, int threads) {
  return std::make_shared<Contestant>(Contestant::ours([=]() -> Contestant::Jobs {
    const auto work = std::make_shared<CnnWork>(threads, precision);
    return {{"train-100", [=] { work->train(threads, 100); }},
            {"train-600", [=] { work->train(threads, 600); }},
            {"test-10000", [=] { work->test(test_images); }}};
  }));
}

}  // namespace

std::unique_ptr<nn::Model> make_cnn(nn::Generator& generator) {
  return std::make_unique<nn::MnistCnn>(nn::InputShape{1, 28, 28}, 10, generator);
}

CnnWork::CnnWork(int threads, nn::Precision precision)
    : dataset_(federated::open_images("mnist", "")) {
  nn::blas::reserve(threads);
  for (int i = 0; i < threads; ++i)
    workers_.emplace_back(make_cnn, nn::DropoutStream::mt, nullptr, precision);
  samples_.resize(dataset_.train.size());
  std::iota(samples_.begin(), samples_.end(), 0);
}

void CnnWork::train(int clients, int batch) {
  const auto step = [&](fl::ClientWorker& worker, int client) {
    nn::Generator generator(client);
    worker.compute_gradient(dataset_.train, std::span(samples_).first(batch), generator);
    nn::sgd_step(worker.weights(), worker.gradients(), 0.01);
  };
  fl::ordered_parallel(workers_, clients, step, [](fl::ClientWorker&, int) {});
}

void CnnWork::test(int images) {
  const int part = fl::ClientWorker::test_part_size;
  const auto count = [&](fl::ClientWorker& worker, int i) {
    const int first = i * part, size = std::min(part, images - first);
    worker.predict(dataset_.test, std::span(samples_).subspan(first, size));
  };
  fl::ordered_parallel(workers_, (images + part - 1) / part, count, [](fl::ClientWorker&, int) {});
}

std::vector<Benchmark> cnn_benchmarks(const SuiteOptions& options) {
  const int threads = options.threads;
  const auto ours = cnn_in(nn::Precision::full, threads);
  const Peers peers(options, "cnn.py");
  const auto benchmark = [&](const std::string& name, const std::string& text, int our_images,
                             int peer_images, double flops) {
    return Benchmark{
        .name = name,
        .readings = {{text, "images/s", 1, true}},
        .ours = [=] { return ours->seconds(name) / our_images; },
        .peers = peers.at([=](Contestant& peer) { return peer.seconds(name) / peer_images; }),
        .limit = [=, peak = options.peak] { return flops / peak->flops_per_second(); }};
  };
  std::vector<Benchmark> benchmarks = {
      benchmark("train-100", "CNN training, B=100", 100 * threads, 100, training_flops(layers)),
      benchmark("train-600", "CNN training, B=600", 600 * threads, 600, training_flops(layers)),
      benchmark("test-10000", "CNN testing, 10,000 images", test_images, test_images,
                testing_flops(layers)),
  };
  if (!nn::kernels::has_bf16()) return benchmarks;
  const auto in_bf16 = cnn_in(nn::Precision::bf16, threads);
  const auto add = [&](const std::string& name, const std::string& text, int images) {
    benchmarks.push_back(
        beside_our_float(name, {text, "images/s", 1, true}, in_bf16, ours,
                         [=](Contestant& side) { return side.seconds(name) / images; }));
  };
  add("train-100", "CNN training, B=100,", 100 * threads);
  add("test-10000", "CNN testing", test_images);
  return benchmarks;
}

}  // namespace bench
