#include "nn/blas.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "nn/base/error.h"

// What a product of OpenBLAS calls first and last. Every version exports them; no header has them.
extern "C" {
[[gnu::weak]] void* blas_memory_alloc(int);
[[gnu::weak]] void blas_memory_free(void*);
}

namespace nn::blas {

namespace {

// OpenBLAS's BUFFER_SIZE on x86-64 and a page; other processors need less.
constexpr std::size_t buffer_bytes = (std::size_t{128} << 20) + 4096;

// As many buffers as it has places for: with more, 0.3.21 spoils the heap.
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

// Buffers that are in use together, and then free: OpenBLAS never gives one back to the system.
class Buffers {
 public:
  ~Buffers() {
    for (void* buffer : taken_) blas_memory_free(buffer);
  }
  void take() { taken_.push_back(blas_memory_alloc(0)); }

 private:
  std::vector<void*> taken_;
};

}  // namespace

void reserve(int callers) {
  require(callers > 0, "blas: ", callers, " callers");
  if (callers > most_callers())
    throw InputError(
        concat("OpenBLAS computes for ", most_callers(), " threads at most, not ", callers),
        "choose fewer threads");
  openblas_set_num_threads(1);
  Buffers buffers;
  for (int i = 0; i < callers; ++i) {
    if (!has_room())
      throw InputError(
          concat("not enough memory for matrix products: OpenBLAS takes ", buffer_bytes / 1'000'000,
                 " MB for each of ", callers, callers == 1 ? " thread" : " threads"),
          "choose fewer threads, or a higher limit for the address space: ulimit -v");
    if (blas_memory_alloc && blas_memory_free) buffers.take();
  }
}

// Kernels may sum up the edges of a product in another way than its middle. So the parts depend on
// the sizes alone, not on who is there to take them.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c) {
  constexpr index most_parts = 4, narrowest = 144, smallest = index{1} << 21;
  const bool is_wide = n > m;
  const index extent = is_wide ? n : m;
  const index parts =
      std::max<index>(1, std::min({most_parts, extent / narrowest, m * n * k / smallest}));
  team.each(parts, [=](index part) {
    const index begin = extent * part / parts, size = extent * (part + 1) / parts - begin;
    if (is_wide)
      gemm(transpose_a, transpose_b, m, size, k, alpha, a, leading_a,
           b + begin * (transpose_b == yes ? leading_b : 1), leading_b, beta, c + begin, leading_c);
    else
      gemm(transpose_a, transpose_b, size, n, k, alpha,
           a + begin * (transpose_a == yes ? 1 : leading_a), leading_a, b, leading_b, beta,
           c + begin * leading_c, leading_c);
  });
}

}  // namespace nn::blas
