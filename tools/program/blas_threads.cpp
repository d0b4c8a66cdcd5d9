#include "tools/program/blas_threads.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "nn/blas.h"
#include "tools/program/shell.h"

namespace tools {

void do_without_blas_threads() {
  const char* const told = std::getenv(nn::blas::threads_variable);
  if (nn::blas::threads() == 1 || (told && std::string(told) == "1")) return;
  std::vector<std::string> words = command_line();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv(nn::blas::threads_variable, "1", 1);
  execv("/proc/self/exe", arguments.data());  // returns where /proc is hidden: the threads stay
}

}  // namespace tools
