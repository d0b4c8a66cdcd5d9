#include "tools/project/fetch.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "nn/base/error.h"
#include "tools/program/shell.h"

namespace project {

namespace fs = std::filesystem;

namespace {

// Whether it belongs to this user, to root, or to the owner of this program. In a folder that all
// users may write to, files of others are not ours to run.
bool is_trusted(const fs::path& path) {
  struct stat status, program;
  return ::stat(path.c_str(), &status) == 0 && ::stat("/proc/self/exe", &program) == 0 &&
         (status.st_uid == 0 || status.st_uid == geteuid() || status.st_uid == program.st_uid);
}

bool is_project(const fs::path& folder) {
  return is_trusted(folder) && is_trusted(folder / "data") &&
         is_trusted(folder / "data" / "fetch.sh");
}

std::optional<fs::path> find_folder() {
  std::error_code error;
  const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error || bin.filename() != "bin") return {};
  const fs::path folder = bin.parent_path(), build = folder.parent_path();
  if (is_project(folder)) return folder;
  if (build.filename() == "build" && is_project(build.parent_path())) return build.parent_path();
  return {};
}

}  // namespace

fs::path folder() {
  if (const auto found = find_folder()) return *found;
  throw nn::InputError("this program is not in the bin/ of its project, whose scripts it needs",
                       "start it where make put it");
}

fs::path data_raw() {
  const char* const told = std::getenv("DATA_RAW");
  if (told && *told) return told;
  return find_folder().value_or(fs::current_path()) / "data" / "raw";
}

Fetched fetch(const std::string& name) {
  const auto project = find_folder();
  if (!project)
    throw nn::InputError(
        nn::concat("there is no ", (data_raw() / name).string(),
                   ", and this program is not in the bin/ of its project, whose data/fetch.sh "
                   "would fetch it"),
        "start it where make put it, or name the folder of all data sets: DATA_RAW=FOLDER");
  const std::string command =
      nn::concat("DATA_RAW=", tools::shell_word(data_raw()), ' ',
                 tools::shell_word(*project / "data" / "fetch.sh"), ' ', name);
  const int status = std::system(command.c_str());
  const bool is_interrupted = (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) ||
                              (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGINT);
  return is_interrupted ? Fetched::interrupted : status == 0 ? Fetched::yes : Fetched::no;
}

}  // namespace project
