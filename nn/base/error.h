#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace nn {

// A broken promise between two pieces of code: shapes that do not fit, a file that is not what its
// reader was told. The message is one line.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Something the user can put right: the message says what is wrong, the hint what to do about it.
// Programs print both and exit with code 2.
struct InputError : Error {
  InputError(const std::string& what, std::string hint) : Error(what), hint(std::move(hint)) {}
  std::string hint;
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Throws Error with the parts written one after the other:
//   require(x.rank() == 4, "conv2d: input has shape ", x.shape, ", expected [n, channels, h, w]");
template <class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]]
    throw Error(concat(parts...));
}

}  // namespace nn
