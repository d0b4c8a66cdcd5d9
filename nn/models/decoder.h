#pragma once

#include "nn/models/language_model.h"

namespace nn {

// Goes through one sequence token by token, with what each layer needs of earlier tokens kept: a
// token costs one row of the model, whatever came before it, and the memory of its keys and values.
class Decoder {
 public:
  // The model must be whole and outlive the decoder; its weights must not change on the way.
  explicit Decoder(const LanguageModel& model);

  // Appends tokens and gives the scores [vocabulary] of every token that could be next; they are
  // valid until the next call. Throws Error beyond the model's context.
  std::span<const real> step(std::span<const int> tokens);
  std::span<const real> step(int token) { return step({&token, 1}); }

  index length() const { return length_; }  // tokens so far
  void restart();                           // with an empty sequence

 private:
  const LanguageModel& model_;
  Tape tape_;
  std::vector<KeyValueCache> caches_;  // one for each layer
  index length_ = 0;
};

}  // namespace nn
