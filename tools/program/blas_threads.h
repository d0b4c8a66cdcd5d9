#pragma once

namespace tools {

// Starts this program again, in the same process, if OpenBLAS has threads of its own. Before main it
// starts one for each core, with 134 MB of address space each; where these are not to be had the
// program would hang, at the latest at exit. No program of ours uses them. Costs 3 ms. Returns if
// there is nothing to do.
void do_without_blas_threads();

}  // namespace tools
