#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace nn {

// A broken contract between two parts of the code, such as shapes that do not fit. The message is
// one line.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Something the user can fix: the message says what is wrong, the hint what to do about it.
// Programs print both and exit with code 2.
struct InputError : Error {
  InputError(const std::string& what, std::string hint) : Error(what), hint(std::move(hint)) {}
  std::string hint;
};

// Throws InputError unless `holds`.
inline void demand(bool holds, const std::string& what, const std::string& hint) {
  if (!holds) [[unlikely]]
    throw InputError(what, hint);
}

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Throws Error with the concatenated parts unless `holds`:
//   require(x.rank() == 4, "conv2d: input has shape ", x.shape, ", expected [n, channels, h, w]");
template <class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]]
    throw Error(concat(parts...));
}

}  // namespace nn
