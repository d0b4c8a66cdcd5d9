#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "nn/models/language_model.h"
#include "pipeline/mailbox/mailbox.h"

namespace pipeline {

// The tokens of one microbatch: what the first chunk reads and what the last one is to predict, a
// negative number where nothing is. Chunks between them do not look at it.
struct Batch {
  std::span<const int> ids, targets;
};

// The blocks of the model that one rank has, and the microbatches that are under way in them. Every
// block of every microbatch has a tape of its own, so that the halves of its backward can be done,
// and its weights be ready, one block at a time.
class Stage {
 public:
  // chunks[i] are the consecutive blocks (see nn::LanguageModel) of this rank's i-th chunk; a chunk
  // without any passes on what it gets. A microbatch is `sequences` of `length` tokens. The bits of
  // all results are the same for any number of threads.
  Stage(const nn::LanguageModelConfig& config, const std::vector<std::vector<int>>& chunks,
        nn::index sequences, nn::index length, std::uint64_t seed, int threads = 1);

  nn::LanguageModel& model() { return model_; }
  nn::Team& team() { return team_; }
  const std::vector<int>& blocks(int chunk) const { return chunks_[chunk]; }
  bool is_first(int chunk) const { return has_block(chunk, 0); }
  bool is_last(int chunk) const { return has_block(chunk, model_.head_block()); }

  // What the next chunk gets: [tokens, d], or the mean loss [1] after the head. `input` is what the
  // chunk before sent; empty for the first chunk.
  nn::ConstView forward(int chunk, int microbatch, const Batch& batch,
                        std::span<const nn::real> input);
  // What the chunk before gets, [tokens, d]; empty for the first chunk. `gradient` is what the next
  // chunk sent; after the head it is the loss's share in the step's loss.
  nn::ConstView backward(int chunk, int microbatch, std::span<const nn::real> gradient);
  // Adds to the gradients of the weights and frees the microbatch; says after each block, from the
  // last to the first, that it is done.
  void weights(int chunk, int microbatch, const std::function<void(int block)>& block_is_done);

  // To be taken by messages that read what forward() or backward() returned.
  Lease& lease(int chunk, int microbatch) { return flight(chunk, microbatch).lease; }

 private:
  struct Flight {
    int chunk = 0, microbatch = 0;
    bool is_free = true;
    std::vector<nn::Tape> tapes;  // of each block; one if there is none
    std::vector<nn::Var> in, out;
    Lease lease;
  };
  bool has_block(int chunk, int block) const { return std::ranges::count(chunks_[chunk], block); }
  nn::Shape activation_shape() const { return {sequences_ * length_, model_.config().hidden_size}; }
  Flight& start_flight(int chunk, int microbatch);
  Flight& flight(int chunk, int microbatch);

  std::vector<std::vector<int>> chunks_;
  nn::LanguageModel model_;
  nn::Team team_;
  nn::index sequences_, length_;
  std::vector<std::unique_ptr<Flight>> flights_;  // the free ones are used again
};

}  // namespace pipeline
