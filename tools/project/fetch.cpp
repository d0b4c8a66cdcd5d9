#include "tools/project/fetch.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "nn/error.h"
#include "tools/program/shell.h"

namespace project {

namespace fs = std::filesystem;

fs::path folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = program.parent_path().parent_path();
  return !error && fs::exists(folder / "data" / "fetch.sh", error) ? folder : fs::current_path();
}

fs::path data_raw() { return folder() / "data" / "raw"; }

Fetched fetch(const std::string& name) {
  const std::string command = nn::concat("DATA_RAW=", tools::shell_word(data_raw()), ' ',
                                         tools::shell_word(folder() / "data" / "fetch.sh"), ' ', name);
  const int status = std::system(command.c_str());
  const bool is_interrupted = (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) ||
                              (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGINT);
  return is_interrupted ? Fetched::interrupted : status == 0 ? Fetched::yes : Fetched::no;
}

}  // namespace project
