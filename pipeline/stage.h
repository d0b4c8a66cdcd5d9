#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/split_head/head_share.h"

namespace pipeline {

// The tokens of one microbatch, sequence after sequence: `ids` for the first chunk, and the
// `targets` that the last one is to predict, negative where there is none. Other chunks ignore it.
struct Batch {
  std::span<const int> ids, targets;
};

// One rank's blocks of the model, and the microbatches in flight in them. Every block of every
// microbatch has its own tape, so the halves of its backward run separately, and the gradients of
// weights are ready one block at a time.
//
// If blocks are recomputed (Chen et al. 2016, "Training deep nets with sublinear memory cost"), a
// microbatch in flight keeps only the input of each layer and of the head. They share one tape:
// backward() runs a block's forward on it again, unless it is still there, and then both halves of
// its backward, so that nothing of the tape has to be kept for weights(). The bits are the same if
// microbatches come in ascending order.
class Stage {
 public:
  // chunks[i]: the consecutive blocks (see nn::LanguageModel) of this rank's i-th chunk; an empty
  // chunk passes its input on. A microbatch has any number of sequences of `length` tokens. Results
  // have the same bits for any number of threads. `rows`: of a split head.
  Stage(const nn::LanguageModelConfig& config, const std::vector<std::vector<int>>& chunks,
        nn::index length, std::uint64_t seed, int threads = 1, bool recomputes = false,
        std::optional<nn::HeadRows> rows = {});
  virtual ~Stage() = default;

  // Of matrix products, from then on. The default is full.
  void set_precision(nn::Precision precision);

  // Whether blocks round to bfloat16 what they pass on to each other: outputs and gradients.
  void set_rounding(bool on) { rounds_ = on; }

  nn::LanguageModel& model() { return model_; }
  nn::Team& team() { return team_; }
  const std::vector<int>& blocks(int chunk) const { return chunks_[chunk]; }
  std::vector<int> all_blocks() const;  // of all chunks, and the rows of a split head
  // A block's part of the model's weights and gradients.
  std::span<nn::real> weights_of(int block);
  std::span<nn::real> gradients_of(int block);
  bool is_first(int chunk) const { return has_block(chunk, 0); }
  // Whether it ends with the loss. If the head is split, the last chunk ends with its norm and
  // is like any other.
  bool has_loss(int chunk) const { return has_block(chunk, model_.head_block()) && !model_.rows(); }

  // An observer: called when the gradients of a block's weights have been added up for a whole
  // microbatch, before those of another are added.
  std::function<void(int block)> on_gradients = [](int) {};

  // Returns the next chunk's input, [tokens, d], or the mean loss [1] after the head. `input` is
  // from the chunk before; empty for the first chunk.
  virtual nn::ConstView forward(int chunk, int microbatch, const Batch& batch,
                                std::span<const nn::real> input);
  // Returns the gradient for the chunk before, [tokens, d]; empty for the first chunk. `gradient`
  // is from the next chunk; for the head it is [1], the weight of this loss in the step's.
  virtual nn::ConstView backward(int chunk, int microbatch, std::span<const nn::real> gradient);
  // Adds to the gradients of the weights, from the last block to the first, with a call after each,
  // and frees the microbatch. For recomputed blocks backward() has already added to them.
  virtual void weights(int chunk, int microbatch,
                       const std::function<void(int block)>& block_is_done);
  // A step of the optimizer with the averaged gradients of a block, or of this rank's part of it.
  virtual void update(int block, nn::Optimizer& optimizer, std::span<nn::real> weights,
                      std::span<const nn::real> gradients);

  // forward() of one sequence, of which nothing is kept: for evaluations. The result stays valid
  // until the next call, as long as `input` does.
  nn::ConstView evaluate(int chunk, const Batch& batch, std::span<const nn::real> input);

  // Bytes that a microbatch takes in a chunk from its forward to its weights, the largest so far,
  // and those of all that were in flight at once: the memory stays for later ones.
  double bytes_of_microbatch(int chunk) const { return bytes_of_microbatch_[chunk]; }
  double bytes_of_flights() const;

  // Gives up the microbatches in flight. No message may read them any more.
  void abandon();

  // This rank's share of a split head.
  HeadShare& head_share() { return *head_share_; }

  // The lease for messages that read what forward() or backward() returned.
  Lease& lease(int chunk, int microbatch) { return flight(chunk, microbatch).lease; }

 protected:
  struct Flight {
    int chunk = 0, microbatch = 0;
    bool is_free = true;
    nn::Shape shape = {};                          // of the activations, [tokens, d]
    std::vector<std::unique_ptr<nn::Tape>> tapes;  // one per block, or one if there are no blocks
    std::vector<nn::Var> in, out;
    std::vector<nn::ConstView> kept;  // the input of each recomputed block
    std::vector<int> targets;         // of a recomputed head
    std::vector<nn::real> gradient;   // of the input of the last block that was recomputed
    Lease lease;

    double bytes() const;
  };
  // A flight for a microbatch that begins, and that of one that has begun.
  Flight& start_flight(int chunk, int microbatch);
  Flight& flight(int chunk, int microbatch);

  std::unique_ptr<HeadShare> head_share_;  // null if the head is whole

 private:
  // Microbatches that are done give their tapes back, by kind. Those of layers serve all chunks, so
  // that memory is taken for what is held at once.
  enum class TapeKind { embedding, layer, head, empty_chunk };
  TapeKind kind_of(int chunk, std::size_t index) const;
  std::vector<std::unique_ptr<nn::Tape>>& spare_tapes(TapeKind kind) {
    return spare_tapes_[static_cast<std::size_t>(kind)];
  }
  void give_back_tapes();
  std::unique_ptr<nn::Tape> take_tape(TapeKind kind);

  bool has_block(int chunk, int block) const { return std::ranges::count(chunks_[chunk], block); }
  bool is_recomputed(int block) const { return recomputes_ && block != 0; }
  nn::Shape shape_of(int chunk, const Batch& batch, std::span<const nn::real> input) const;
  // What a block passes to the next one, and to the one before, rounded if it is to be. A gradient
  // stays valid until that of another block.
  nn::ConstView output_of(int block, nn::Var y) const;
  nn::ConstView gradient_of(nn::Var input);
  nn::Var run(int block, nn::Var in, std::span<const int> targets);
  nn::Var run_on_shared_tape(Flight& flight, std::size_t index);
  nn::ConstView recompute(Flight& flight, std::size_t index, nn::ConstView dy);

  std::vector<std::vector<int>> chunks_;
  nn::LanguageModel model_;
  nn::Team team_;
  nn::index length_;
  bool recomputes_, rounds_ = false;
  // Of all blocks that are recomputed, and what is on it.
  struct {
    nn::Tape tape;
    const Flight* flight = nullptr;
    std::size_t index = 0;
    nn::Var in, out;
  } shared_;
  std::vector<nn::real> rounded_gradient_;
  nn::Tape evaluation_;                                                // records nothing
  std::vector<std::unique_ptr<Flight>> flights_;                       // free ones are reused
  std::array<std::vector<std::unique_ptr<nn::Tape>>, 4> spare_tapes_;  // [kind]
  std::vector<double> bytes_of_microbatch_;                            // [chunk]
};

}  // namespace pipeline
