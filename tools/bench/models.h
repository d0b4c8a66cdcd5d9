#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/images/images.h"
#include "fl/workers/client_worker.h"
#include "tools/bench/multiplications.h"

namespace bench {

// One of the models that the federated papers use, on random images, a client for each thread.
class ModelWork {
 public:
  // `model` is a name in nn::model_table().
  ModelWork(const std::string& model, int channels, int side, int threads);

  // Every client takes steps of SGD with batches of `batch`, over `count` images, at most 600.
  void train(int count, int batch);
  // Every client tests `count` images.
  void test(int count);

 private:
  data::ImageSet images_;
  std::vector<fl::ClientWorker> workers_;
  std::vector<int> samples_;
};

// Of one of these models.
std::span<const LayerSize> layers_of(std::string_view model);

}  // namespace bench
