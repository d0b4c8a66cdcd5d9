#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "fl/server.h"
#include "nn/numpy.h"
#include "tests/toy.h"
#include "tests/toy_rounds.h"

// The toy problem for a model whose gradient is a few lines, and rounds of a reference beside those
// of the server.
namespace toy {

using Vector = std::vector<double>;

// Softmax regression on the toy's images: no dropout, so that a reference can be written by hand.
class Regression : public nn::Model {
 public:
  explicit Regression(nn::Generator& generator) : fc_(scope(generator)("fc"), 64, 4) {}
  nn::Var forward(nn::Var x) override { return nn::log_softmax(fc_(nn::flatten(x))); }

 private:
  nn::Linear fc_;
};

// The loss of softmax regression and its gradient, for weights [4, 64] and then a bias [4].
struct Loss {
  double value = 0;
  Vector gradient;
};

// The mean over the samples.
inline Loss loss_of(const data::ImageSet& images, std::span<const int> samples, const Vector& w) {
  std::vector<nn::real> pixels(samples.size() * 64);
  std::vector<int> labels(samples.size());
  images.copy_batch(samples, pixels.data(), labels);
  const auto count = static_cast<double>(samples.size());
  Loss loss{0, Vector(w.size())};
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const nn::real* x = pixels.data() + 64 * n;
    Vector p(4);
    double sum = 0;
    for (int label = 0; label < 4; ++label) {
      double score = w[256 + label];
      for (int i = 0; i < 64; ++i) score += w[64 * label + i] * x[i];
      sum += p[label] = std::exp(score);
    }
    loss.value -= std::log(p[labels[n]] / sum) / count;
    for (int label = 0; label < 4; ++label) {
      const double error = (p[label] / sum - (label == labels[n])) / count;
      for (int i = 0; i < 64; ++i) loss.gradient[64 * label + i] += error * x[i];
      loss.gradient[256 + label] += error;
    }
  }
  return loss;
}

// Local training along g + correction(w_local); returns the number of steps.
inline int descend(const data::ImageSet& images, std::span<const int> samples,
                   const fl::LocalTraining& training, Vector& w,
                   const std::function<double(std::size_t i)>& correction) {
  int steps = 0;
  Vector velocity(w.size());
  for (int epoch = 0; epoch < training.epochs; ++epoch)
    for (std::size_t first = 0; first < samples.size(); first += training.batch, ++steps) {
      const std::size_t size = std::min<std::size_t>(training.batch, samples.size() - first);
      const Vector gradient = loss_of(images, samples.subspan(first, size), w).gradient;
      for (std::size_t i = 0; i < w.size(); ++i)
        velocity[i] = training.momentum * velocity[i] + gradient[i] + correction(i);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] -= training.learning_rate * velocity[i];
    }
  return steps;
}

// Five clients of unequal sizes, three of them in a round.
inline fl::Config regression(const char* algorithm, fl::OptionValues options) {
  fl::Config config = with_options(algorithm, std::move(options));
  config.make_model = [](nn::Generator& generator) {
    return std::make_unique<Regression>(generator);
  };
  config.clients = 5;
  config.fraction = 0.6;
  config.partition = {.split = fl::Split::dirichlet, .alpha = 1};
  config.training = {0.05, 40, 2};
  return config;
}

// Plays rounds by a reference, round(w, clients of the round, their samples), beside the server.
inline double difference_to_reference(
    const fl::Config& config, int rounds,
    const std::function<void(const data::ImageSet&, Vector& w, const std::vector<int>& chosen,
                             const std::vector<std::vector<int>>& samples)>& reference) {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  Vector w(server.weights().begin(), server.weights().end());
  const auto samples =
      fl::split_samples(dataset.train.labels, config.clients, config.partition, config.seed);
  nn::numpy::Generator choices(config.seed);
  double largest = 0;
  for (int round = 0; round < rounds; ++round) {
    reference(dataset.train, w, choices.choice(config.clients, server.clients_per_round()),
              samples);
    CHECK(server.play_round().excluded.empty());
    largest = std::max(largest, largest_difference(server.weights(), w));
  }
  return largest;
}

}  // namespace toy
