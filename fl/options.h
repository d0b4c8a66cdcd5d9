#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fl {

struct Config;

// A number that a row of a table takes, such as mu, --mu on the command line. Options of the same
// name differ only in their presets.
struct Option {
  std::string_view name, description;
  double preset;
  double lowest, highest;  // both included
  bool is_whole = false;
};
constexpr bool whole = true;  // in a row

// Values of options, by name.
using OptionValues = std::map<std::string, double, std::less<>>;

// The name and the options of a row of any table.
struct OptionUser {
  std::string_view name;
  std::span<const Option> options;
};

// Every row that has options: algorithms, defences, attacks, compressions, clocks.
std::vector<OptionUser> option_users();
// The rows that a run has chosen.
std::vector<OptionUser> option_users(const Config& config);

// The given value of an option that the run uses, or its preset.
double option(const Config& config, std::string_view name);
// The same of one that is whole.
int int_option(const Config& config, std::string_view name);

// Throws nn::InputError for an option that none of the chosen rows uses, or a value that is out of
// range or not whole.
void check_options(std::span<const OptionUser> chosen, const OptionValues& options);

// The options, completed by the presets of the others.
OptionValues with_presets(std::span<const OptionUser> chosen, OptionValues options);

}  // namespace fl
