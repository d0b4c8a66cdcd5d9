#pragma once

#include <vector>

#include "data/images.h"
#include "fl/client_worker.h"

namespace bench {

// What clients and the server of part A do all the time, one thread to each worker.
class CnnWork {
 public:
  explicit CnnWork(int threads);

  // So many clients take a step each, with a batch of so many images.
  void train(int clients, int batch);
  // So many images, in parts of a worker's.
  void test(int images);

 private:
  data::ImageDataset dataset_;  // MNIST
  std::vector<fl::ClientWorker> workers_;
  std::vector<int> samples_;
};

// Floating-point operations of the course's network for one image, as its formulas have them: each
// multiply-add counts as two. With gradients of weights and inputs, but for those of the images.
double cnn_testing_flops();
double cnn_training_flops();

}  // namespace bench
