#include "tools/program/provenance.h"

#include <algorithm>
#include <ctime>

#include "nn/engine.h"
#include "nn/file.h"
#include "tools/program/shell.h"

namespace tools {

namespace {

// The kernel's copy of it: words that end in zero bytes.
std::string command_line() {
  const std::string words = nn::read_file("/proc/self/cmdline");
  std::string line;
  for (std::size_t first = 0, end; first < words.size(); first = end + 1) {
    end = std::min(words.find('\0', first), words.size());
    line += (line.empty() ? "" : " ") + shell_word(words.substr(first, end - first));
  }
  return line;
}

std::string now_in_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace

nn::Metadata provenance() {
  nn::Metadata facts = nn::describe_engine();
  facts["command"] = command_line();
  facts["date"] = now_in_utc();
  return facts;
}

}  // namespace tools
