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

// Ends the search and keeps the input if a target's assumption does not hold.
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

// Whether lines are worth trying as a program's arguments. A complaint that quotes control
// characters would not be one line, and printing the help each time would take most of the time.
inline bool can_be_words(const std::vector<std::string>& lines) {
  return std::ranges::none_of(lines, [](const std::string& line) {
    return line == "-h" || line == "--help" || std::ranges::any_of(line, is_control);
  });
}

// A thing that takes longer to make than to use, kept for a thousand inputs and no longer, because
// CLI11 remembers the order of every option that it ever saw. A finding that depends on what
// earlier inputs left behind cannot be repeated from its file alone.
template <class Thing>
Thing& reused() {
  static std::unique_ptr<Thing> thing;
  static int uses = 0;
  if (uses++ % 1000 == 0) thing = std::make_unique<Thing>();
  return *thing;
}

// Calls a reader on untrusted bytes. It may complain in one line, with a hint; any other exception
// ends the search.
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
