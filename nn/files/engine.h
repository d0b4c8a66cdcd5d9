#pragma once

#include <string>
#include <vector>

#include "nn/files/safetensors.h"

namespace nn {

// The facts about the build and the processor that determine the last bits of a result, by name.
//
//   engine     the commit that was built, "e3e5ae22420c"; with "-dirty" if files were changed
//   precision  float or double
//   vectors    the widest vectors in the engine's own kernels: AVX-512, AVX2 or SSE
//   blas       the library and its version, such as "OpenBLAS 0.3.21"
//   blas-core  the kernels it chose for this processor, such as "Cooperlake"
Metadata describe_engine();

// The recorded facts that differ here and affect the last bits, each as a phrase: "blas-core
// Cooperlake, here it is Haswell". The commit and missing facts do not count.
std::vector<std::string> engine_differences(const Metadata& facts);

}  // namespace nn
