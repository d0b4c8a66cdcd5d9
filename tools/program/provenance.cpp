#include "tools/program/provenance.h"

#include <ctime>
#include <string>

#include "nn/files/engine.h"
#include "tools/program/shell.h"

namespace tools {

namespace {

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
  std::string& command = facts["command"];
  for (const std::string& word : command_line())
    command += (command.empty() ? "" : " ") + shell_word(word);
  facts["date"] = now_in_utc();
  return facts;
}

}  // namespace tools
