#pragma once

namespace tools {

// Restarts this program in the same process, without OpenBLAS's own threads. OpenBLAS starts one
// per core before main, with 134 MB of address space each; without that much the program would
// hang, at exit at the latest. None of our programs uses them. Takes 3 ms. Returns if there is
// nothing to do.
void do_without_blas_threads();

}  // namespace tools
