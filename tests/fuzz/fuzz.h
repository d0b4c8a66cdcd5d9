#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string_view>

#include "nn/error.h"

// A fuzz target is a file in this folder with a LLVMFuzzerTestOneInput, which libFuzzer calls with
// millions of inputs. tests/fuzz/run.sh builds and runs them.
namespace fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Ends the search, with the input kept, if what a target relies on does not hold.
inline void expect(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "not so: " << what << '\n';
  std::abort();
}

inline bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

// Calls a reader on what nobody vouches for. It may complain in one line, with a hint; any other
// exception ends the search.
template <class Read>
void try_to(Read read) {
  try {
    read();
  } catch (const nn::InputError& error) {
    const std::string_view what = error.what();
    expect(!what.empty() && !error.hint.empty(), "a complaint has a hint");
    expect(std::ranges::none_of(what, is_control), "a complaint is one line");
  }
}

}  // namespace fuzz
