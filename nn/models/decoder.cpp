#include "nn/models/decoder.h"

#include <span>

#include "nn/base/error.h"
#include "nn/models/key_value_cache.h"
#include "nn/models/language_model.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

Decoder::Decoder(const LanguageModel& model)
    : model_(model),
      caches_(model.config().layers,
              KeyValueCache(model.config().key_value_heads * model.config().head_size(),
                            model.config().max_positions)) {
  tape_.set_recording(false);
}

std::span<const real> Decoder::step(std::span<const int> tokens) {
  const index n = static_cast<index>(tokens.size()), d = model_.config().hidden_size;
  require(n > 0, "decoder: a step needs at least one token");
  require(length_ + n <= model_.config().max_positions, "decoder: a sequence of ", length_ + n,
          " tokens is longer than ", model_.config().max_positions);
  tape_.reset();
  Var x = model_.embed(tape_, tokens, n, length_);
  for (int block = 1; block < model_.head_block(); ++block)
    x = model_.layer(block, x, caches_[block - 1]);
  length_ += n;
  const ConstView last{x.value().data + (n - 1) * d, {1, d}};
  return model_.head(tape_.constant(last)).value().span();
}

void Decoder::restart() {
  for (KeyValueCache& cache : caches_) cache.clear();
  length_ = 0;
}

}  // namespace nn
