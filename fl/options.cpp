#include "fl/options.h"

#include <algorithm>
#include <cmath>

#include "fl/algorithms/algorithms.h"
#include "fl/attacks/attacks.h"
#include "fl/clocks/clocks.h"
#include "fl/compression/compression.h"
#include "fl/config.h"
#include "fl/defences/defences.h"
#include "nn/base/error.h"

namespace fl {

namespace {

const Option* find(std::span<const OptionUser> users, std::string_view name) {
  for (const OptionUser& user : users) {
    const auto found = std::ranges::find(user.options, name, &Option::name);
    if (found != user.options.end()) return &*found;
  }
  return nullptr;
}

// "fedavg", "fedavg with krum"
std::string names_of(std::span<const OptionUser> users, std::string_view separator) {
  std::string names;
  for (const OptionUser& user : users)
    names += nn::concat(names.empty() ? "" : separator, user.name);
  return names;
}

template <class Table>
void append(const Table& table, std::vector<OptionUser>& users) {
  for (const auto& row : table) users.push_back({row.name, row.options});
}

}  // namespace

std::vector<OptionUser> option_users() {
  std::vector<OptionUser> users;
  append(algorithm_table(), users);
  append(defence_table(), users);
  append(attack_table(), users);
  append(compression_table(), users);
  append(clock_table(), users);
  return users;
}

std::vector<OptionUser> option_users(const Config& config) {
  std::vector<OptionUser> users{{config.algorithm->name, config.algorithm->options}};
  if (config.defence) users.push_back({config.defence->name, config.defence->options});
  if (config.attack) users.push_back({config.attack->name, config.attack->options});
  if (config.compression) users.push_back({config.compression->name, config.compression->options});
  if (config.clock) users.push_back({config.clock->name, config.clock->options});
  return users;
}

static const Option& known_option(const Config& config, std::string_view name) {
  const auto users = option_users(config);
  const Option* known = find(users, name);
  nn::require(known, names_of(users, ", "), ": no option ", name);
  return *known;
}

double option(const Config& config, std::string_view name) {
  const double preset = known_option(config, name).preset;
  const auto given = config.options.find(name);
  return given == config.options.end() ? preset : given->second;
}

int int_option(const Config& config, std::string_view name) {
  nn::require(known_option(config, name).is_whole, "the option ", name, " is not whole");
  return static_cast<int>(option(config, name));
}

void check_options(std::span<const OptionUser> chosen, const OptionValues& options) {
  for (const auto& [name, value] : options) {
    const Option* known = find(chosen, name);
    if (!known) {
      std::vector<OptionUser> users = option_users();
      std::erase_if(users, [&](const OptionUser& user) {
        return std::ranges::find(user.options, name, &Option::name) == user.options.end();
      });
      throw nn::InputError(nn::concat(names_of(chosen, " with "), " does not use --", name),
                           users.empty()
                               ? "nothing does"
                               : nn::concat("leave it out; these use it: ", names_of(users, ", ")));
    }
    if (!(value >= known->lowest && value <= known->highest))
      throw nn::InputError(nn::concat("--", name, ": ", value, " is not a number from ",
                                      known->lowest, " to ", known->highest),
                           nn::concat("choose --", name, ' ', known->preset, ", say"));
    if (known->is_whole && value != std::round(value))
      throw nn::InputError(nn::concat("--", name, ": ", value, " is not a whole number"),
                           nn::concat("choose --", name, ' ', std::lround(value), ", say"));
  }
}

OptionValues with_presets(std::span<const OptionUser> chosen, OptionValues options) {
  for (const OptionUser& user : chosen)
    for (const Option& option : user.options) options.emplace(option.name, option.preset);
  return options;
}

}  // namespace fl
