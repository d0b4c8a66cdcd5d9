#include "fl/compression/compression.h"

#include "nn/base/error.h"
#include "nn/base/named_row.h"

namespace fl {

std::int64_t Compression::compress(std::span<nn::real> change, std::vector<nn::real>& residual,
                                   nn::Generator& generator) const {
  if (!has_feedback()) return encode(change, generator);
  if (residual.empty()) residual.resize(change.size());
  nn::require(residual.size() == change.size(), "compression: a residual of ", residual.size(),
              " numbers for a change of ", change.size());
  for (std::size_t i = 0; i < change.size(); ++i) change[i] = residual[i] += change[i];
  const std::int64_t bytes = encode(change, generator);
  for (std::size_t i = 0; i < change.size(); ++i) residual[i] -= change[i];
  return bytes;
}

std::span<const CompressionEntry> compression_table() {
  static const std::vector<CompressionEntry> table{
      {.name = "topk",
       .label = "Top-k",
       .description = "the largest numbers of a change, the rest later",
       .make = make_top_k,
       .options = {{"topk-share", "share of the numbers that are sent", 0.01, 1e-9, 1}}},
      {.name = "qsgd",
       .label = "QSGD",
       .description = "every number rounded at random to one of a few levels",
       .make = make_qsgd,
       .options = {{"qsgd-levels", "levels from 0 to the norm", 16, 1, 65536, whole}}},
      {.name = "sign",
       .label = "Sign",
       .description = "the sign of every number and their mean size, the rest later",
       .make = make_sign},
  };
  return table;
}

const CompressionEntry* find_compression(std::string_view name) {
  return nn::find_row(compression_table(), name);
}

}  // namespace fl
