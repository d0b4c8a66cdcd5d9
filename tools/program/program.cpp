#include "tools/program/program.h"

#include <unistd.h>

#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "tools/program/blas_threads.h"
#include "tools/program/options.h"

namespace tools {

namespace {

void tell_of_faster_kernels() {
  const char* const core = nn::blas::faster_core();
  if (core && isatty(STDERR_FILENO))
    std::cerr << "note: OpenBLAS does not know this processor and uses slow kernels; choose faster "
                 "ones: export "
              << nn::blas::core_variable << '=' << core << '\n';
}

}  // namespace

int run_program(const std::function<int()>& body) {
  try {
    do_without_blas_threads();
    tell_of_faster_kernels();
    const int status = body();
    std::cout.flush();
    if (std::cout) return status;
    std::cerr << "error: cannot write to the standard output\n";
  } catch (const AskedForHelp&) {
    return 0;
  } catch (const Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const nn::InputError& error) {
    std::cerr << "error: " << error.what() << "\nhint: " << error.hint << '\n';
    return 2;
  } catch (const std::bad_alloc&) {
    std::cerr << "error: there is not enough memory\nhint: choose smaller sizes\n";
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)  // from std::thread
      std::cerr << "error: cannot start another thread: too many threads, or too little memory\n"
                   "hint: choose fewer threads, or raise the limits: ulimit -u, ulimit -v\n";
    else
      std::cerr << "error: " << error.what() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
  }
  return 1;
}

}  // namespace tools
