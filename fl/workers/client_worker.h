#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/examples.h"
#include "fl/clients/versions.h"
#include "fl/evaluation/evaluation.h"
#include "fl/workers/gradient_source.h"
#include "fl/workers/idle_workers.h"
#include "nn/model.h"
#include "nn/precision.h"

namespace fl {

class Attack;

// All that one core needs to train and test: a replica of the model, a tape, masks. There is one
// per thread, not per client, so memory does not grow with the number of clients.
class ClientWorker {
 public:
  // The workers that help with a batch come from `idle`, if given.
  ClientWorker(const nn::ModelFactory& make_model, nn::DropoutStream dropout,
               IdleWorkers* idle = nullptr, nn::Precision precision = nn::Precision::full);

  const nn::Parameters& parameters() const { return model_->parameters(); }
  std::span<nn::real> weights() { return model_->parameters().values(); }
  std::span<nn::real> buffers() { return model_->parameters().buffers(); }
  std::span<nn::real> gradients() { return model_->parameters().gradients(); }

  // Copies a model's weights and buffers. With a version, not if the last call had the same one:
  // for a model that nobody trains.
  void load(const Received& model, std::optional<int> version = {});

  // Room for `size` numbers of the algorithm's, with whatever an earlier client left there.
  std::span<nn::real> scratch(std::size_t size);

  // Leaves in gradients() the gradient of the mean loss over the samples, as one batch: dropout
  // masks and means are those of the whole, but it is computed in parts, so that 6,000 images need
  // no more memory than one part for each worker. The bits do not depend on who helps: workers
  // differentiate their parts at the same time, but add to each weight's gradient in the order of
  // the parts. Returns the loss.
  //
  // A model with batch statistics (nn::Model::needs_whole_batch()) takes the batch as one part: it
  // would see other means in smaller ones. Memory then grows with the batch, and nobody can help.
  double compute_gradient(const data::Examples& examples, std::span<const int> samples,
                          nn::Generator& generator);

  // From now on it asks this one for gradients; it must outlive the training. Null: no longer.
  void compute_with(GradientSource* source) { source_ = source; }

  // From now on training batches are poisoned; null: no longer.
  void set_attack(const Attack* attack) { attack_ = attack; }

  // What other threads have computed for this worker's batches.
  double helped_seconds() const { return helped_seconds_; }

  // With a trigger, all examples carry the attack's.
  Predictions predict(const data::Examples& examples, std::span<const int> samples,
                      const Attack* trigger = nullptr);

  // Examples in a part. Small, because a part is all that a worker keeps in memory; larger parts
  // pack weights less often. Testing keeps no gradients, so its parts can be larger. A multiple of
  // 16 fills the vectors of kernels that hold the same pixel of several images.
  static constexpr int part_size = 50, test_part_size = 96;
  // In a part of a training batch, which has 200 labels at most. Texts have many labels each, so
  // even a small batch has several parts to share out.
  static int training_part(const data::Examples& examples);

 private:
  // Examples first to first + size of a batch, in the memory of the tape.
  data::BatchPart load_batch(const data::Examples& examples, std::span<const int> batch, int first,
                             int size);
  std::optional<double> ask_source(const data::Examples& examples, std::span<const int> samples,
                                   int size);

  // The first half of the gradient of part number `part`, of `size` samples: all but the weights'.
  // Returns the part's share of the loss.
  double differentiate(const data::Examples& examples, std::span<const int> samples, int part,
                       int size, nn::DropoutMasks& masks, const Attack* attack);

  std::unique_ptr<nn::Model> model_;
  std::unique_ptr<nn::Tape> tape_;
  std::unique_ptr<nn::DropoutMasks> masks_;
  std::optional<int> version_;
  std::vector<nn::real> scratch_;
  IdleWorkers* idle_;
  GradientSource* source_ = nullptr;
  const Attack* attack_ = nullptr;
  double helped_seconds_ = 0;
};

}  // namespace fl
