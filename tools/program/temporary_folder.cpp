#include "tools/program/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "nn/base/error.h"

namespace tools {

namespace {

std::filesystem::path make_folder() {
  std::error_code error;
  std::string name = std::filesystem::temp_directory_path(error) / "tributary-XXXXXX";
  if (!error && !mkdtemp(name.data())) error.assign(errno, std::generic_category());
  if (error)
    throw nn::InputError("cannot make a temporary folder: " + error.message(),
                         "set TMPDIR to a writable folder");
  return name;
}

}  // namespace

TemporaryFolder::TemporaryFolder() : path(make_folder()) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace tools
