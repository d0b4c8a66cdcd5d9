#pragma once

#include <memory>
#include <vector>

#include "data/images/images.h"
#include "fl/workers/client_worker.h"
#include "nn/model.h"
#include "nn/precision.h"
#include "nn/random.h"

namespace bench {

// The course's network, for MNIST.
std::unique_ptr<nn::Model> make_cnn(nn::Generator& generator);

// The main work of clients and server in part A, one thread per worker.
class CnnWork {
 public:
  explicit CnnWork(int threads, nn::Precision precision = nn::Precision::full);

  // A step for each of `clients`, with a batch of `batch` images.
  void train(int clients, int batch);
  // Tests `images` images, split among the workers.
  void test(int images);

 private:
  data::ImageDataset dataset_;  // MNIST
  std::vector<fl::ClientWorker> workers_;
  std::vector<int> samples_;
};

}  // namespace bench
