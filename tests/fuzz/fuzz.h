#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"

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

inline std::vector<std::string> lines_of(const std::uint8_t* data, std::size_t size) {
  std::istringstream text{std::string(text_of(data, size))};
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

inline bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

// Whether lines can be a program's arguments that are worth a try: no complaint would quote them in
// one line if they had control characters, and to print the help each time would take most of it.
inline bool can_be_words(const std::vector<std::string>& lines) {
  return std::ranges::none_of(lines, [](const std::string& line) {
    return line == "-h" || line == "--help" || std::ranges::any_of(line, is_control);
  });
}

// What takes longer to make than to use, for a thousand inputs: CLI11 keeps the order of all
// options that it ever saw, and must not for ever. A finding that needs what an input before it
// left behind does not come back from its file alone.
template <class Thing>
Thing& reused() {
  static std::unique_ptr<Thing> thing;
  static int uses = 0;
  if (uses++ % 1000 == 0) thing = std::make_unique<Thing>();
  return *thing;
}

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
