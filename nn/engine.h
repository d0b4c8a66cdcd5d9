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

// Which of these facts a file was made with that are not so here, and change the last bits: all but
// the commit, in words such as "blas-core Cooperlake, here it is Haswell". A fact that the file does
// not have is none of them.
std::vector<std::string> engine_differences(const Metadata& facts);

}  // namespace nn
