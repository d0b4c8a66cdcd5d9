#include "tools/program/privacy.h"

#include <sys/stat.h>

#include <algorithm>

#include "nn/base/privacy.h"

namespace tools {

unsigned keep_private(const std::vector<std::filesystem::path>& inputs) {
  const mode_t nobody_else = 077, before = ::umask(nobody_else);
  const bool is_any_private = std::ranges::any_of(inputs, nn::is_private);
  const mode_t now = is_any_private ? before | nobody_else : before;
  ::umask(now);
  return now;
}

}  // namespace tools
