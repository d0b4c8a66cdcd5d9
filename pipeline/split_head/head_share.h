#pragma once

#include <memory>
#include <span>
#include <vector>

#include "nn/arena.h"
#include "nn/models/language_model.h"
#include "nn/ops/class_blocks.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/mailbox.h"

// The arithmetic of a split head (split_head.h). Shares are whole blocks of classes
// (nn::ClassBlocks), and what they compute is summed block by block, so results have the same bits
// as those of a whole head.
namespace pipeline {

// The most shares that a head of this many classes can be split into: one block each.
int most_head_shares(nn::index classes);

// The rows of a share, as even as whole blocks allow; the first shares get the remaining ones.
nn::HeadRows rows_of_share(nn::index classes, int shares, int share);

// What a share tells the last stage about a microbatch of n tokens, one array after the other.
struct Scores {
  nn::index blocks, n, in;
  std::size_t size() const { return n * (2 * blocks + 1 + in * (blocks + 1)); }
  std::size_t size_for_loss() const { return n * (2 * blocks + 1); }  // the first of them

  // In an array of that size:
  nn::index largest() const { return 0; }                        // [blocks, n]
  nn::index sums() const { return blocks * n; }                  // of exponentials, [blocks, n]
  nn::index wanted() const { return 2 * blocks * n; }            // scores of own targets, [n]
  nn::index target_rows() const { return wanted() + n; }         // weights of own targets, [n, in]
  nn::index products() const { return target_rows() + n * in; }  // [blocks, n, in]
};
Scores scores_of(nn::HeadRows rows, nn::index n, nn::index in);

// What the last stage makes of all shares' scores of a microbatch.
struct HeadSum {
  nn::real loss;
  std::vector<nn::real> gradient;  // of the norm's output, [n, in]
  std::vector<nn::real> factors;   // of all blocks, [blocks, n], share after share
};

// One stage's rows, and its microbatches between S and T.
class HeadShare {
 public:
  // The model has the rows. Everything must outlive it.
  HeadShare(nn::LanguageModel& model, nn::Team& team) : model_(model), team_(team) {}
  virtual ~HeadShare() = default;

  void set_precision(nn::Precision precision) { precision_ = precision; }

  // S: returns a Scores array. `x`: the norm's output, [n, in]; `weight`: of this loss, the mean
  // over all targets that are not negative, in the step's.
  virtual std::span<const nn::real> scores(int microbatch, std::span<const nn::real> x,
                                           std::span<const int> targets, nn::real weight);
  // On the last stage, before B. `scores`: of each share.
  virtual HeadSum sum(std::span<const std::span<const nn::real>> scores,
                      std::span<const int> targets, nn::real weight);
  // T: adds to the gradients of the rows and frees the microbatch. `factors`: of the share's
  // blocks, [blocks, n].
  virtual void weights(int microbatch, std::span<const nn::real> factors);

  // The first Scores::size_for_loss() numbers of what scores() returns, of any number of tokens,
  // valid until the next call. Keeps nothing for weights().
  std::span<const nn::real> scores_for_loss(std::span<const nn::real> x,
                                            std::span<const int> targets);

  // The lease for messages that read what scores() returned.
  Lease& lease(int microbatch) { return flight(microbatch).lease; }

 protected:
  struct Flight {
    int microbatch = 0;
    bool is_free = true;
    std::vector<nn::real> x, exponentials, factors, scores;
    std::vector<int> targets;  // negative or too large for those of other shares
    nn::real share = 0;        // of one token in the step's loss
    Lease lease;

    nn::ClassBlocks blocks(const nn::LanguageModel& model, nn::Precision precision);
    nn::ConstView input(const nn::LanguageModel& model) const;
  };
  // Of a microbatch of so many tokens that begins, with memory for its scores, and of one that has
  // begun.
  Flight& start_flight(int microbatch, nn::index tokens);
  Flight& flight(int microbatch);

  nn::LanguageModel& model_;
  nn::Team& team_;

 private:
  void compute_scores(Flight& flight, std::span<const nn::real> x, std::span<const int> targets);

  nn::Precision precision_ = nn::Precision::full;
  nn::Arena arena_;
  std::vector<std::unique_ptr<Flight>> flights_;  // free ones are reused
  Flight evaluation_;
};

// The loss alone, of what all shares' scores_for_loss() returned.
nn::real loss_of_shares(nn::index classes, std::span<const std::span<const nn::real>> scores,
                        std::span<const int> targets, nn::Team& team);

}  // namespace pipeline
