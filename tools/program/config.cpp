#include "tools/program/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/printable.h"

namespace tools {

std::vector<ConfigEntry> read_config(const std::filesystem::path& file) {
  return parse_config(nn::read_file(file, 1'000'000), file.string());
}

std::vector<ConfigEntry> parse_config(const std::string& text, const std::string& name) {
  const auto refuse = [&](const std::string& reason) {
    throw nn::InputError(nn::concat(name, ": ", nn::printable(reason, 300)),
                         "a line is an option without its dashes: lr = [0.01, 0.1]");
  };
  std::istringstream lines(text);
  std::vector<ConfigEntry> entries;
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(lines)) {
      if (!item.parents.empty()) refuse(nn::concat("[", item.parents.front(), "] is a section"));
      if (std::ranges::count(entries, item.name, &ConfigEntry::name))
        refuse(nn::concat(item.name, " is given twice"));
      if (item.inputs.empty()) refuse(nn::concat(item.name, " has no value"));
      entries.push_back({item.name, item.inputs});
    }
  } catch (const CLI::Error& error) {
    refuse(error.what());
  }
  if (entries.empty()) refuse("there is no option in it");
  return entries;
}

}  // namespace tools
