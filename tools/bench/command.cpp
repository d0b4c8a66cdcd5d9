#include "tools/bench/command.h"

#include <cstdio>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"

namespace bench {

namespace {

// Quoted for the shell, whatever it contains.
std::string quoted(const std::string& word) {
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::filesystem::path program(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

Ran run(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + quoted(word);
  Ran ran{0, ""};
  int status = -1;
  ran.seconds = nn::seconds_of([&] {
    std::FILE* output = popen(line.c_str(), "r");
    nn::require(output, "bench: cannot start ", line);
    char part[4096];
    while (const std::size_t size = std::fread(part, 1, sizeof part, output))
      ran.output.append(part, size);
    status = pclose(output);
  });
  nn::require(status == 0, "bench: failed: ", line);
  return ran;
}

}  // namespace bench
