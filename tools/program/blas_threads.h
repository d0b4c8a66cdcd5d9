#pragma once

namespace tools {

// Restarts this program in the same process without OpenBLAS's own threads, which no program here
// uses. OpenBLAS starts one per core before main, each with 134 MB of address space; if that is not
// available, the program hangs, at exit at the latest. Takes 3 ms. Returns if there is nothing to
// do.
void do_without_blas_threads();

}  // namespace tools
