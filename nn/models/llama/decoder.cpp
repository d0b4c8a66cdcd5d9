#include "nn/models/llama/decoder.h"

namespace nn {

LlamaDecoder::LlamaDecoder(const Llama& model)
    : model_(model), caches_(model.config().layers, KeyValueCache(model.config())) {
  tape_.set_recording(false);
}

std::span<const real> LlamaDecoder::step(std::span<const int> tokens) {
  const index n = static_cast<index>(tokens.size()), d = model_.config().d;
  require(n > 0, "decoder: a step needs a token");
  require(length_ + n <= model_.config().context, "decoder: a sequence of ", length_ + n,
          " tokens is longer than ", model_.config().context);
  tape_.reset();
  Var x = model_.embed(tape_, tokens);
  for (int block = 1; block < model_.head_block(); ++block)
    x = model_.layer(block, x, caches_[block - 1]);
  length_ += n;
  const ConstView last{x.value().data + (n - 1) * d, {1, d}};
  return model_.head(tape_.constant(last)).value().span();
}

void LlamaDecoder::restart() {
  for (KeyValueCache& cache : caches_) cache.clear();
  length_ = 0;
}

}  // namespace nn
