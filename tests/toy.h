#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "data/images/images.h"
#include "fl/server.h"
#include "nn/model.h"

// A problem small enough for every test: noisy images with a bright bar whose position shows the
// class, and a small network for them.
namespace toy {

inline data::ImageSet images(int count, std::uint64_t seed) {
  data::ImageSet set;
  set.height = set.width = 8;
  set.classes = 4;
  set.mean = {0.3f}, set.stddev = {0.3f};
  nn::Generator generator(seed);
  for (int i = 0; i < count; ++i) {
    const int label = static_cast<int>(generator.next32() % 4);
    set.labels.push_back(static_cast<std::uint8_t>(label));
    for (int pixel = 0; pixel < 64; ++pixel)
      set.pixels.push_back(
          static_cast<std::uint8_t>(generator.next32() % 128 + (pixel / 16 == label ? 64 : 0)));
  }
  return set;
}

inline data::ImageDataset dataset() { return {"toy", 4, images(600, 1), images(200, 2)}; }

// Two linear layers with dropout, so that the masks matter.
class Net : public nn::Model {
 public:
  explicit Net(nn::Generator& generator)
      : fc1_(scope(generator)("fc1"), 64, 16),
        drop_(mode(), 0.25),
        fc2_(scope(generator)("fc2"), 16, 4) {}
  nn::Var forward(nn::Var x) override {
    return nn::log_softmax(fc2_(drop_(nn::relu(fc1_(nn::flatten(x))))));
  }

 private:
  nn::Linear fc1_;
  nn::Dropout drop_;
  nn::Linear fc2_;
};

inline fl::Config config(const char* algorithm, int threads = 1) {
  fl::Config config;
  config.algorithm = fl::find_algorithm(algorithm);
  config.make_model = [](nn::Generator& generator) { return std::make_unique<Net>(generator); };
  config.clients = 12;
  config.fraction = 0.5;
  config.training = {0.1, 10, 1};
  if (config.algorithm->is_full_batch) config.training.batch = 0;
  config.threads = threads;
  return config;
}

// An algorithm that changes another algorithm's updates, as an attack does.
class Tampered : public fl::Algorithm {
 public:
  using Tamper = std::function<void(const fl::ClientContext&, fl::Update&)>;
  Tampered(std::unique_ptr<fl::Algorithm> inner, Tamper tamper)
      : inner_(std::move(inner)), tamper_(std::move(tamper)) {}

  fl::Update train(fl::ClientContext& client) const override {
    fl::Update update = inner_->train(client);
    tamper_(client, update);
    return update;
  }
  void apply(fl::ServerContext& server, std::span<const nn::real> aggregate) override {
    inner_->apply(server, aggregate);
  }
  std::span<const nn::real> broadcast() const override { return inner_->broadcast(); }
  std::vector<fl::NamedState> state() override { return inner_->state(); }

 private:
  std::unique_ptr<fl::Algorithm> inner_;
  Tamper tamper_;
};

inline fl::AlgorithmEntry tampered(const char* name, const Tampered::Tamper& tamper) {
  fl::AlgorithmEntry entry = *fl::find_algorithm(name);
  entry.make = [make = entry.make, tamper](const fl::Config& config, std::size_t size) {
    return std::make_unique<Tampered>(make(config, size), tamper);
  };
  return entry;
}

}  // namespace toy
