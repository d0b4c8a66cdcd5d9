#pragma once

#include <span>
#include <vector>
#include "nn/models/key_value_cache.h"
#include "nn/models/language_model.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Decodes one sequence token by token and keeps the keys and values of earlier tokens. Every token
// costs a single row of the model, attention to the earlier tokens, and memory for its keys and
// values.
class Decoder {
 public:
  // The model must be complete and outlive the decoder. Its weights must not change meanwhile.
  explicit Decoder(const LanguageModel& model);

  // Appends tokens and returns the scores [vocabulary] for the next token, valid until the next
  // call. Throws Error beyond the model's context.
  std::span<const real> step(std::span<const int> tokens);
  std::span<const real> step(int token) { return step({&token, 1}); }

  index length() const { return length_; }  // tokens so far
  void restart();                           // with an empty sequence

 private:
  const LanguageModel& model_;
  Tape tape_;
  std::vector<KeyValueCache> caches_;  // one per layer
  index length_ = 0;
};

}  // namespace nn
