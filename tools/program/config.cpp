#include "tools/program/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/printable.h"

namespace tools {

namespace {

// What is right of the equals sign.
std::string value_of(const std::string& statement) {
  const std::size_t equals = statement.find('=');
  return equals == statement.npos ? "" : CLI::detail::trim_copy(statement.substr(equals + 1));
}
bool is_list(const std::string& statement) { return value_of(statement).starts_with('['); }
bool is_open(const std::string& statement) {
  return is_list(statement) && !statement.ends_with(']');
}

// A line each, without its comment, or all the lines of a list. CLI11 gets them one by one, because
// it would drop the last value of an open list, and join two lists of one name.
std::vector<std::string> statements_of(const std::string& text) {
  std::vector<std::string> statements;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = CLI::detail::trim_copy(line.substr(0, line.find('#')));
    if (line.starts_with(';')) continue;
    if (!statements.empty() && is_open(statements.back()) && line.find('=') == line.npos)
      statements.back() += ' ' + line;
    else
      statements.push_back(line);
  }
  return statements;
}

}  // namespace

std::vector<ConfigEntry> read_config(const std::filesystem::path& file) {
  return parse_config(nn::read_file(file, 1'000'000), file.string());
}

std::vector<ConfigEntry> parse_config(const std::string& text, const std::string& name) {
  const auto refuse = [&](const std::string& reason) {
    throw nn::InputError(nn::concat(name, ": ", nn::printable(reason, 300)),
                         "a line is an option without its dashes: lr = [0.01, 0.1]");
  };
  std::vector<ConfigEntry> entries;
  const auto add = [&](const CLI::ConfigItem& item, const std::string& statement) {
    if (!item.parents.empty()) refuse(nn::concat("[", item.parents.front(), "] is a section"));
    if (std::ranges::count(entries, item.name, &ConfigEntry::name))
      refuse(nn::concat(item.name, " is given twice"));
    if (is_open(statement)) refuse(nn::concat("the list of ", item.name, " is not closed"));
    if (item.inputs.empty()) refuse(nn::concat(item.name, " has no value"));
    if (item.inputs.size() > 1 && !is_list(statement))
      refuse(nn::concat(item.name, " has ", item.inputs.size(), " values, which are no list"));
    entries.push_back({item.name, item.inputs});
  };
  try {
    for (const std::string& statement : statements_of(text)) {
      std::istringstream lines(statement);
      for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(lines)) add(item, statement);
    }
  } catch (const CLI::Error& error) {
    refuse(error.what());
  }
  if (entries.empty()) refuse("there is no option in it");
  return entries;
}

}  // namespace tools
