#include "tools/program/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/files/engine.h"
#include "tools/program/config.h"
#include "tools/program/nearest.h"
#include "tools/program/values.h"

// CLI11 takes seconds to compile: only this file and config.cpp include it.
namespace tools {

namespace {

using nn::concat;
namespace fs = std::filesystem;

std::string with_preset(const std::string& text, const std::string& preset) {
  return preset.empty() ? text : concat(text, ": ", preset);
}

// The command that was given, or else the program.
const CLI::App& given_in(const CLI::App& app) {
  const std::vector<CLI::App*> commands = app.get_subcommands();
  return commands.empty() ? app : *commands.front();
}

// Says where the options are listed.
std::string help_of(const CLI::App& app) {
  const CLI::App& given = given_in(app);
  const std::string command = &given == &app ? "" : " " + given.get_name();
  return concat(app.get_name(), command, " --help lists the options");
}

[[noreturn]] void refuse_unknown(const CLI::App& app) {
  const std::string argument = app.remaining(true).front();
  const std::string word = argument.substr(0, argument.find('='));
  if (!word.starts_with('-')) throw nn::InputError("unexpected argument " + word, help_of(app));
  std::vector<std::string> known;
  for (const CLI::Option* option : given_in(app).get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  const std::string meant = nearest(word, known);
  throw nn::InputError("there is no option " + word,
                       (meant.empty() ? "" : concat("did you mean ", meant, "? ")) + help_of(app));
}

void check(CLI::Option* option, const std::string& type,
           const std::function<std::string(const std::string&)>& complaint) {
  option->type_name(type);
  option->check(CLI::Validator([complaint](std::string& text) { return complaint(text); }, ""));
}

// A forgotten value would otherwise swallow the next option.
void require_value(CLI::Option* option) {
  if (option->get_lnames().empty()) return;
  option->check([](const std::string& text) {
    return text.starts_with("--") ? text + " is an option, not a value" : "";
  });
}

constexpr const char* config_option = "--config";

// The options of a file as arguments. A flag has the value true or false.
std::vector<std::string> arguments_of(const fs::path& file) {
  std::vector<std::string> arguments;
  for (const ConfigEntry& entry : read_config(file)) {
    arguments.push_back(concat("--", entry.name, '=', entry.values.front()));
    arguments.insert(arguments.end(), entry.values.begin() + 1, entry.values.end());
  }
  return arguments;
}

// The arguments after those of their --config, so that they count more.
std::vector<std::string> with_config(const std::vector<std::string>& arguments) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& file) {
    const std::vector<std::string> more = arguments_of(file);
    all.insert(all.end(), more.begin(), more.end());
  };
  const std::string start = concat(config_option, '=');
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(start)) add(arguments[i].substr(start.size()));
    if (arguments[i] == config_option && i + 1 < arguments.size() &&
        !arguments[i + 1].starts_with('-'))
      add(arguments[++i]);
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

template <class Number>
Option Option::between(Number low, Number high) {
  check(option_, concat(low, "..", high), [low, high](const std::string& text) {
    Number value{};
    const bool is_number = read(text, value);
    if (is_number && value >= low && value <= high) return std::string();
    return concat(text, " is not a number from ", low, " to ", high,
                  is_number ? "" : meant_number(text, low, high));
  });
  return *this;
}
template Option Option::between(int, int);
template Option Option::between(std::uint64_t, std::uint64_t);
template Option Option::between(double, double);

Option Option::among(const std::vector<std::string>& names) {
  check(option_, concat('{', nn::join(names, ","), '}'), [names](const std::string& text) {
    if (std::ranges::count(names, text)) return std::string();
    const std::string meant = nearest(CLI::detail::to_lower(text), names);
    return concat(text, " is not ", nn::join(names, ", ", " or "),
                  meant.empty() ? "" : concat("; did you mean ", meant, '?'));
  });
  return in_any_case(names);
}

Option Option::in_any_case(const std::vector<std::string>& names) {
  option_->transform(
      [names](const std::string& text) {
        const auto name =
            std::ranges::find(names, CLI::detail::to_lower(text),
                              [](const auto& name) { return CLI::detail::to_lower(name); });
        return name == names.end() ? text : *name;
      },
      "");
  return *this;
}

Option Option::not_empty() {
  option_->check(
      [](const std::string& text) { return std::string(text.empty() ? "is empty" : ""); });
  return *this;
}

Option Option::separated_by(char separator) {
  option_->delimiter(separator);
  return *this;
}

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::not_in_config() {
  option_->configurable(false);
  return *this;
}

Option Option::shown_as(const std::string& type) {
  option_->type_name(type);
  return *this;
}

Options::Options(const std::string& program, const std::string& description)
    : app_(std::make_shared<CLI::App>(description, program)) {
  app_->get_formatter()->column_width(34);
  app_->set_version_flag("--version", [program] {
    nn::Metadata facts = nn::describe_engine();
    return concat(program, ' ', facts["engine"], " (", facts["precision"], ", ", facts["vectors"],
                  ", ", facts["blas"], ' ', facts["blas-core"], ')');
  });
}

template <class Value>
Option Options::add(const std::string& name, Value& value, const std::string& text) {
  const CLI::callback_t set = [&value, name](const CLI::results_t& texts) {
    if (read(texts.back(), value)) return true;
    throw CLI::ValidationError(name,
                               concat(texts.back(), " is not a number, or is too large",
                                      meant_number<typename Plain<Value>::type>(texts.back())));
  };
  CLI::Option* option = app_->add_option(name, set, with_preset(text, Shown<Value>::of(value)));
  option->take_last()->type_name(Shown<Value>::type);
  require_value(option);
  return Option(option);
}
template Option Options::add(const std::string&, int&, const std::string&);
template Option Options::add(const std::string&, std::int64_t&, const std::string&);
template Option Options::add(const std::string&, std::uint64_t&, const std::string&);
template Option Options::add(const std::string&, double&, const std::string&);
template Option Options::add(const std::string&, std::string&, const std::string&);
template Option Options::add(const std::string&, fs::path&, const std::string&);
template Option Options::add(const std::string&, std::optional<int>&, const std::string&);
template Option Options::add(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option Options::add(const std::string&, std::optional<double>&, const std::string&);
template Option Options::add(const std::string&, std::optional<std::string>&, const std::string&);

Option Options::add(const std::string& name, bool& flag, const std::string& text) {
  return Option(app_->add_flag(name, flag, text));
}

Option Options::add(const std::string& name, std::vector<std::string>& values,
                    const std::string& text) {
  const CLI::callback_t set = [&values](const CLI::results_t& texts) {
    values = texts;
    return true;
  };
  CLI::Option* option = app_->add_option(name, set, text);
  option->expected(1, CLI::detail::expected_max_vector_size);
  option->allow_extra_args()->type_name("TEXT");
  require_value(option);
  return Option(option);
}

Option Options::add_word(const std::string& name, const std::string& preset,
                         const std::string& text, std::function<void(const std::string&)> set) {
  CLI::Option* option = app_->add_option(
      name, [set = std::move(set)](const auto& texts) { return set(texts.back()), true; },
      with_preset(text, preset));
  option->take_last();
  return Option(option);
}

void Options::add_config() {
  CLI::Option* option = app_->add_option(
      config_option, "TOML file of options without their dashes; the command line wins");
  option->type_name("PATH")->configurable(false);
  require_value(option);
}

std::string Options::config() const { return app_->config_to_str(false, false); }

Options Options::add_command(const std::string& name, const std::string& description) {
  app_->require_subcommand(1);
  return Options(app_->get_subcommand_ptr(app_->add_subcommand(name, description)));
}

std::string Options::parse(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc), commands;
  for (const CLI::App* command : app_->get_subcommands({})) commands.push_back(command->get_name());
  // CLI11 would only report that a command is missing.
  const std::string first = arguments.empty() ? "" : arguments.front();
  if (!commands.empty() && first == "help") {  // help COMMAND is COMMAND --help
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  } else if (!commands.empty() && !first.starts_with('-') && !std::ranges::count(commands, first)) {
    throw nn::InputError(first.empty() ? "name a command" : "there is no command " + first,
                         concat("choose ", nn::join(commands, ", ", " or "), "; ", app_->get_name(),
                                " --help describes them"));
  }
  if (app_->get_option_no_throw(config_option)) arguments = with_config(arguments);
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app_->parse(arguments);
  } catch (const CLI::Success& help) {
    app_->exit(help);
    throw AskedForHelp();
  } catch (const CLI::ExtrasError&) {
    refuse_unknown(*app_);
  } catch (const CLI::ArgumentMismatch& error) {  // "--model: 1 required TEXT missing"
    const std::string reason = error.what();
    throw nn::InputError(reason.substr(0, reason.find(": ")) + " needs a value", help_of(*app_));
  } catch (const CLI::ParseError& error) {
    throw nn::InputError(error.what(), help_of(*app_));
  }
  return commands.empty() ? "" : given_in(*app_).get_name();
}

}  // namespace tools
