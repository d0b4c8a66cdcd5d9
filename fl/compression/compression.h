#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fl/options.h"
#include "nn/random.h"
#include "nn/real.h"

namespace fl {

// A number without compression, in the counts of bytes: a float, in builds with double, too.
constexpr int bytes_per_number = 4;

// How clients shorten the changes that they send. One is made for each run, and called on the
// threads of several clients at once.
class Compression {
 public:
  virtual ~Compression() = default;

  // Alters a change as the server will decode it, and returns the bytes it takes on the wire.
  //
  // With error feedback (Stich et al. 2018, algorithm 1), what is compressed is the change plus the
  // residual, and the residual becomes what the server still lacks; it is empty before a
  // client's first round. Throws nn::Error if the two differ in size.
  std::int64_t compress(std::span<nn::real> change, std::vector<nn::real>& residual,
                        nn::Generator& generator) const;

 private:
  virtual bool has_feedback() const { return true; }
  virtual std::int64_t encode(std::span<nn::real> change, nn::Generator& generator) const = 0;
};

using MakeCompression = std::unique_ptr<Compression>(const Config& config);

// A row of the table of compressions. Any compression goes with any algorithm and defence.
struct CompressionEntry {
  std::string_view name, label, description;
  std::function<MakeCompression> make;
  std::vector<Option> options = {};
};

std::span<const CompressionEntry> compression_table();
const CompressionEntry* find_compression(std::string_view name);  // null if there is none

// What the rows make, a file each.
MakeCompression make_top_k;  // top_k.cpp
MakeCompression make_qsgd;   // qsgd.cpp
MakeCompression make_sign;   // sign.cpp

}  // namespace fl
