#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Files of options.
namespace tools {

// A name and its values in a TOML file.
struct ConfigEntry {
  std::string name;
  std::vector<std::string> values;
};
// In the order of the file. Throws nn::InputError if it cannot be read, has a section, repeats a
// name, or has a list without its end or several values that are not a list.
std::vector<ConfigEntry> read_config(const std::filesystem::path& file);
// The same from untrusted text; errors call it `name`.
std::vector<ConfigEntry> parse_config(const std::string& text, const std::string& name);

}  // namespace tools
