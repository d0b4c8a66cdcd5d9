#pragma once

#include <span>

#include "nn/dropout_masks.h"
#include "nn/epilogue.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

// The operations of the engine; variational.h has those of autoencoders. Each is one function in
// nn/ops/, with the gradient right below the forward computation. Shapes are PyTorch's; `...`
// stands for any leading extents. A shape that does not fit throws Error. As in PyTorch, an op
// whose name ends in _ overwrites its first argument, whose old value must no longer be needed (see
// Tape::overwrite()).
namespace nn {

// ops/elementwise.cpp
Var add(Var a, Var b);       // b has a's shape, or the tail of it and is repeated
Var add_(Var a, Var b);      // b has a's shape
Var multiply(Var a, Var b);  // like add
Var dropout(Var x, double drop_probability, MaskView kept);  // kept / (1 - p), else 0

// ops/activations.cpp
Var relu(Var x);
Var gelu(Var x);               // x Phi(x) with the error function (Hendrycks and Gimpel 2016)
Var silu(Var x);               // x sigmoid(x)
Var swiglu(Var gate, Var up);  // silu(gate) up (Shazeer 2020)
Var leaky_relu(Var x, real negative_slope = 0.01);  // Maas et al. 2013
Var tanh(Var x);
Var sigmoid(Var x);    // 1 / (1 + e^-x)
Var gelu_tanh(Var x);  // gelu() with Phi approximated by a tanh, as in GPT-2

// ops/linear.cpp
Var linear(Var x, Var weight);            // [..., in] x [out, in] -> [..., out], no bias
Var linear(Var x, Var weight, Var bias);  // bias [out]
Var matmul(Var a, Var b);                 // [m, k] x [k, n] -> [m, n]
Var matmul(Var a, Var b, Var bias);       // bias [n]

// ops/convolution.cpp: images are [n, channels, height, width]
// weight [out, in, kh, kw]. With an epilogue, the result is that of relu(), or of relu() and
// max_pool2d() with 2x2 windows, after the convolution, in one pass if there is a kernel for it.
Var conv2d(Var x, Var weight, Var bias, index stride = 1, index padding = 0,
           Epilogue epilogue = Epilogue::nothing);
// conv2d(conv2d(x, first, relu), second, epilogue). If there is a kernel for it, the images between
// the two are not kept: computing them again for the gradients takes less time than fetching them.
struct Filters {
  Var weight, bias;
};
Var conv2d_twice(Var x, Filters first, Filters second, Epilogue epilogue = Epilogue::nothing);
Var max_pool2d(Var x, index size, index stride = 0);  // stride 0: the same as size
Var average_pool2d(Var x, index size, index stride = 0);
Var global_average_pool(Var x);  // [n, channels, height, width] -> [n, channels], the means

// ops/normalize.cpp: over the last extent
Var layer_norm(Var x, Var weight, Var bias, real epsilon = 1e-5);  // Ba et al. 2016
Var rms_norm(Var x, Var weight, real epsilon = 1e-6);              // Zhang and Sennrich 2019

// ops/batch_norm.cpp: x [n, channels, ...], normalised by the moments of each channel over n and
// all positions (Ioffe and Szegedy 2015). The first overload uses the moments of x, with the biased
// variance; the second uses the given ones.
struct ChannelMoments {
  std::span<const real> mean, variance;  // in the tape's arena
  index count = 0;                       // of numbers per channel
};
Var batch_norm(Var x, Var weight, Var bias, real epsilon = 1e-5, ChannelMoments* moments = nullptr);
Var batch_norm(Var x, Var weight, Var bias, ConstView mean, ConstView variance,
               real epsilon = 1e-5);
// ops/group_norm.cpp: x [n, channels, ...], normalised per sample over the channels of a group (Wu
// and He 2018)
Var group_norm(Var x, index groups, Var weight, Var bias, real epsilon = 1e-5);
// relu(group_norm(...) + residual) in one pass. The residual may be empty.
Var group_norm_relu(Var x, Var residual, index groups, Var weight, Var bias, real epsilon = 1e-5);

// ops/attention.cpp, ops/rotary_embedding.cpp: each row is a token; sequences of `length` tokens
// are stored one after the other. x [n * length, heads * head_size], each token rotated according
// to its position in the "rotate half" convention of Hugging Face's Llama (Su et al. 2021). The
// first token has position `first`.
Var rotary_embedding(Var x, index head_size, index length, double theta = 10000, index first = 0);
Var rotary_embedding_(Var x, index head_size, index length, double theta = 10000, index first = 0);
// softmax(q k^T / sqrt(head_size) + causal mask) v for each head (Vaswani et al. 2017). k and v may
// have fewer heads than q, each shared by a group of query heads (Ainslie et al. 2023), and more
// tokens; the queries are then the last tokens of each sequence.
Var causal_attention(Var q, Var k, Var v, index head_size, index length);

// ops/columns.cpp
Var columns(Var x, index first, index count);  // [n, d] -> [n, count]

// ops/gather.cpp
Var embedding(std::span<const int> ids, Var table);  // [vocabulary, d] -> [ids, d]
Var flatten(Var x);                                  // [n, ...] -> [n, the rest]

// ops/loss.cpp: a loss is one number, the mean over the samples. Negative targets are excluded.
Var softmax(Var x);                                                 // over the last extent
Var log_softmax(Var x);                                             // over the last extent
Var nll_loss(Var log_probabilities, std::span<const int> targets);  // [n, classes]
Var cross_entropy(Var logits, std::span<const int> targets);        // [n, classes]
Var mse_loss(Var x, Var target);                                    // mean over all elements

// ops/linear_cross_entropy.cpp: cross_entropy(linear(x, weight), targets) in less memory and time.
// For large vocabularies.
Var linear_cross_entropy(Var x, Var weight, std::span<const int> targets);

}  // namespace nn
