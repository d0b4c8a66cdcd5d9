#include "tools/program/dropout_rng.h"

namespace tools {

void add_dropout_rng(Options& options, nn::DropoutStream& stream) {
  using enum nn::DropoutStream;
  options.add("--dropout-rng", stream, {{name_of(mt), mt}, {name_of(mkl), mkl}},
              "mt: PyTorch 2.7 and later; mkl: its x86 wheels before");
}

std::string name_of(nn::DropoutStream stream) {
  return stream == nn::DropoutStream::mkl ? "mkl" : "mt";
}

}  // namespace tools
