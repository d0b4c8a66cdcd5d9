#pragma once

#include <string>
#include <vector>

#include "nn/safetensors.h"

namespace nn {

// What computes: the facts on which the last bits of a result depend, by name.
//
//   engine     the commit that was built, "e3e5ae22420c"; with "-dirty" if files were changed
//   precision  float or double
//   vectors    the widest vectors of our own kernels: AVX-512, AVX2 or SSE
//   blas       the library and its version, such as "OpenBLAS 0.3.21"
//   blas-core  the kernels that it chose for this processor, such as "Cooperlake"
Metadata describe_engine();

// The facts of a file that are not so here and change the last bits, each in words such as
// "blas-core Cooperlake, here it is Haswell". The commit and facts that the file lacks do not count.
std::vector<std::string> engine_differences(const Metadata& facts);

}  // namespace nn
