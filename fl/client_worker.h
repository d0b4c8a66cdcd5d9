#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/images.h"
#include "fl/idle_workers.h"
#include "nn/model.h"

namespace fl {

// All that one core needs to train and test: a replica of the model, a tape, masks. There is one
// per thread, not per client, so memory does not grow with the number of clients.
class ClientWorker {
 public:
  // The workers that help with a batch come from `idle`, if given.
  ClientWorker(const nn::ModelFactory& make_model, nn::DropoutStream dropout,
               IdleWorkers* idle = nullptr);

  std::span<nn::real> weights() { return model_->parameters().values(); }
  std::span<nn::real> buffers() { return model_->parameters().buffers(); }
  std::span<nn::real> gradients() { return model_->parameters().gradients(); }

  // Room for `size` numbers of the algorithm's, with whatever an earlier client left there.
  std::span<nn::real> scratch(std::size_t size);

  // Leaves in gradients() the gradient of the mean loss over the samples, as one batch: dropout
  // masks and means are those of the whole, but it is computed in parts, so that 6,000 images need
  // no more memory than `part_size` for each worker. The bits do not depend on who helps: workers
  // differentiate their parts at the same time, but add to the weights' gradients in the order of
  // the parts. Returns the loss.
  //
  // A model with batch statistics (nn::Model::needs_whole_batch()) takes the batch as one part: it
  // would see other means in smaller ones. Memory then grows with the batch, and nobody can help.
  double compute_gradient(const data::ImageSet& images, std::span<const int> samples,
                          nn::Generator& generator);

  // What other threads have computed for this worker's batches.
  double helped_seconds() const { return helped_seconds_; }

  // How many of the samples the model puts into the right class.
  int count_correct(const data::ImageSet& images, std::span<const int> samples);

  // Small, because a part is all that a worker keeps in memory; larger parts pack weights less
  // often.
  static constexpr int part_size = 50;

 private:
  struct Part {
    nn::ConstView images;
    std::span<const int> labels;
  };
  // The samples of a part, on a tape that holds nothing else.
  Part load(const data::ImageSet& images, std::span<const int> samples);

  // The first half of the gradient of part number `part`, of `size` samples: all but the weights'.
  // Returns the part's share of the loss.
  double differentiate(const data::ImageSet& images, std::span<const int> samples, int part,
                       int size, nn::DropoutMasks& masks);

  std::unique_ptr<nn::Model> model_;
  std::unique_ptr<nn::Tape> tape_;
  std::unique_ptr<nn::DropoutMasks> masks_;
  std::vector<nn::real> scratch_;
  IdleWorkers* idle_;
  double helped_seconds_ = 0;
};

}  // namespace fl
