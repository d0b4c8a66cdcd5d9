#pragma once

namespace tools {

// Starts this program again, in the same process, if OpenBLAS has threads of its own: it starts one
// for each core before main, with 134 MB of address space each, and waits for ever, at the latest
// at exit, where these are not to be had. No program of ours uses them. Costs 5 ms; returns if there
// is nothing to do.
void do_without_blas_threads();

}  // namespace tools
