#include "nn/blas.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/range.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

// The first and last calls of every OpenBLAS product. All versions export them; no header declares
// them.
extern "C" {
[[gnu::weak]] void* blas_memory_alloc(int);
[[gnu::weak]] void blas_memory_free(void*);
}

namespace nn::blas {

namespace {

// OpenBLAS's BUFFER_SIZE on x86-64 plus a page. Other processors need less.
constexpr std::size_t buffer_bytes = (std::size_t{128} << 20) + 4096;

// The number of buffers OpenBLAS has slots for. Beyond it, version 0.3.21 corrupts the heap.
int most_callers() {
  const std::string text = description(), name = "MAX_THREADS=";
  const std::size_t at = text.find(name);
  return 2 * (at == text.npos ? 64 : std::max(1, std::atoi(text.c_str() + at + name.size())));
}

bool has_room() {
  void* const room =
      mmap(nullptr, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, buffer_bytes) == 0;
}

// Holds several buffers at once, then frees them. OpenBLAS keeps freed buffers and never returns
// one to the system.
class Buffers {
 public:
  ~Buffers() {
    for (void* buffer : taken_) blas_memory_free(buffer);
  }
  void take() { taken_.push_back(blas_memory_alloc(0)); }

 private:
  std::vector<void*> taken_;
};

constexpr index row_step = 24;  // see gemm()

struct Block {
  Range rows, columns;
};

// The number of threads, at most `threads`, that can share a block's rows.
index sharers_of(const Block& block, index k, index threads) {
  constexpr index smallest = index{1} << 23, most_rows = index{1} << 16;  // multiply-adds, rows
  const index rows = block.rows.size();
  const index steps_of_one = smallest / (row_step * block.columns.size() * k + 1) + 1;
  if (rows > most_rows) return 1;
  return std::max<index>(1, std::min(threads, rows / row_step / steps_of_one));
}

}  // namespace

const char* faster_core() {
#ifdef __x86_64__
  if (std::string(core_name()) != "Prescott") return nullptr;
  if (__builtin_cpu_supports("avx512f")) return "SkylakeX";
  if (__builtin_cpu_supports("avx2")) return "Haswell";
#endif
  return nullptr;
}

void reserve(int callers) {
  require(callers > 0, "blas: ", callers, " callers");
  if (callers > most_callers())
    throw InputError(
        concat("OpenBLAS supports at most ", most_callers(), " threads, not ", callers),
        "choose fewer threads");
  openblas_set_num_threads(1);
  Buffers buffers;
  for (int i = 0; i < callers; ++i) {
    if (!has_room())
      throw InputError(
          concat("not enough memory for matrix products: OpenBLAS takes ", buffer_bytes / 1'000'000,
                 " MB for each of ", callers, callers == 1 ? " thread" : " threads"),
          "choose fewer threads, or raise the limit on the address space: ulimit -v");
    if (blas_memory_alloc && blas_memory_free) buffers.take();
  }
}

// Kernels may sum the edges of a product differently from its middle. So c is cut into blocks that
// depend only on the sizes, not on the number of threads; two, because each packs all of the
// operand that they share.
//
// If there are more threads than blocks, they share the rows of each block. OpenBLAS processes rows
// in steps of 12 or 24, three times the width of its kernel, and starts afresh with each step, so a
// cut between two steps changes no bits. Two limits apply: small products take a different path, so
// no part may be that small; and past the number of rows that fit its buffer, OpenBLAS starts its
// steps at other rows.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c) {
  constexpr index most_blocks = 2, narrowest = 144, smallest = index{1} << 21;
  const bool is_wide = n > m;
  const index extent = is_wide ? n : m;
  const index blocks =
      std::max<index>(1, std::min({most_blocks, extent / narrowest, m * n * k / smallest}));
  const auto block_of = [=](index i) {
    return is_wide ? Block{{0, m}, Range{0, n}.part(i, blocks)}
                   : Block{Range{0, m}.part(i, blocks), {0, n}};
  };
  const index sharers = sharers_of(block_of(0), k, team.threads() / blocks);
  team.each(blocks * sharers, [=](index i) {
    const auto [all_rows, columns] = block_of(i / sharers);
    const Range rows = all_rows.steps(row_step, i % sharers, sharers);
    gemm(transpose_a, transpose_b, rows.size(), columns.size(), k, alpha,
         a + rows.begin * (transpose_a == Transpose::yes ? 1 : leading_a), leading_a,
         b + columns.begin * (transpose_b == Transpose::yes ? leading_b : 1), leading_b, beta,
         c + rows.begin * leading_c + columns.begin, leading_c);
  });
}

}  // namespace nn::blas
