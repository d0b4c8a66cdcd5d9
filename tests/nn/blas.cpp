#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "tests/complaint.h"

namespace {

// In kB, from /proc/self/status.
long status_of(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (long value; word == name + ":" && status >> value) return value;
  return 0;
}

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
// Limits the address space to what the process has now plus `more` bytes.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(rlim_t more) {
    getrlimit(RLIMIT_AS, &before_);
    const rlimit limit{static_cast<rlim_t>(status_of("VmSize")) * 1024 + more, before_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressSpaceLimit() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_;
};

// Earlier reservations of this process count, so each number is larger than those before it.
TEST_CASE("without room for OpenBLAS's buffers there is an error with the figure") {
  constexpr rlim_t megabyte = 1 << 20;
  for (const int callers : {20, 30, 100}) {
    const AddressSpaceLimit limit(100 * megabyte);
    CHECK(contains(complaint_of([&] { nn::blas::reserve(callers); }),
                   nn::concat("OpenBLAS takes 134 MB for each of ", callers, " threads")));
  }
  nn::blas::reserve(20);
  const AddressSpaceLimit limit(100 * megabyte);
  CHECK(contains(complaint_of([] { nn::blas::reserve(21); }), "each of 21 threads"));
}

TEST_CASE("products of all reserved threads at once need no more address space") {
  nn::blas::reserve(8);
  std::vector<std::thread> threads;
  std::vector<std::vector<nn::real>> results(8);
  const long before = status_of("VmSize");
  for (auto& result : results)
    threads.emplace_back([&result] {
      constexpr nn::index n = 150;
      std::vector<nn::real> a(n * n, nn::real(0.5));
      result.resize(n * n);
      for (int i = 0; i < 20; ++i)
        nn::blas::gemm(nn::blas::Transpose::no, nn::blas::Transpose::no, n, n, n, 1, a.data(), n,
                       a.data(), n, 0, result.data(), n);
    });
  for (std::thread& thread : threads) thread.join();
  // Room for stacks and arenas of threads; another buffer for each would take a gigabyte.
  CHECK(status_of("VmSize") - before < 8 * (8 + 64) * 1024 + 50'000);
  for (const auto& result : results) CHECK(result == results[0]);
}
#endif

TEST_CASE("reserved buffers cost no memory before they are used") {
  nn::blas::reserve(1);
  const long before = status_of("VmRSS");
  nn::blas::reserve(60);
  CHECK(status_of("VmRSS") - before < 4'000);
}

TEST_CASE("more threads than OpenBLAS has places for are an error") {
  CHECK(contains(complaint_of([] { nn::blas::reserve(100'000); }), "not 100000"));
  CHECK_THROWS_AS(nn::blas::reserve(0), nn::Error);
}

}  // namespace
