#include "tools/federated/extras.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "nn/base/named_row.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "tools/federated/results.h"

namespace federated {

namespace {

std::string text_of(int value) { return std::to_string(value); }
std::string text_of(double value) { return number(value); }
std::string text_of(bool) { return ""; }  // the name says it
std::string text_of(fl::Buffers) { return "local"; }
std::string text_of(nn::Precision value) { return std::string(nn::numbers_of(value)); }
const std::string& text_of(const std::string& value) { return value; }
std::string text_of(const fl::Malicious& value) { return malicious_text(value); }

template <class Value>
bool assign(const std::optional<Value>& value, Value& to) {
  if (value) to = *value;
  return value.has_value();
}
bool parse(std::string_view text, int& to) { return assign(nn::parse_number<int>(text), to); }
bool parse(std::string_view text, double& to) { return assign(nn::parse_number<double>(text), to); }
bool parse(std::string_view text, bool& to) { return to = text.empty(); }
bool parse(std::string_view text, fl::Buffers& to) {
  to = fl::Buffers::local;
  return text == "local";
}
bool parse(std::string_view text, nn::Precision& to) {
  return assign(nn::with_numbers(text, to), to) && to != nn::Precision::full;
}
bool parse(std::string_view text, std::string& to) { return !(to = text).empty(); }
bool parse(std::string_view text, fl::Malicious& to) { return assign(parse_malicious(text), to); }

template <class Field>
Extra extra(std::string_view name, Field, std::string_view column = "") {
  return {name,
          [](const Experiment& e) -> std::optional<std::string> {
            const Experiment usual;
            if (Field()(e) == Field()(usual)) return {};
            return text_of(Field()(e));
          },
          [](std::string_view text, Experiment& e) { return parse(text, Field()(e)); }, column};
}

}  // namespace

std::span<const Extra> extras() {
  static const std::array table{
      extra(
          "steps", [](auto& e) -> auto& { return e.training.steps; }),
      extra(
          "momentum", [](auto& e) -> auto& { return e.training.momentum; }),
      extra(
          "weight-decay", [](auto& e) -> auto& { return e.training.weight_decay; }),
      extra(
          "lr-decay", [](auto& e) -> auto& { return e.training.decay; }),
      extra(
          "shuffled", [](auto& e) -> auto& { return e.training.is_shuffled; }),
      extra(
          "buffers", [](auto& e) -> auto& { return e.buffers; }),
      extra(
          "precision", [](auto& e) -> auto& { return e.precision; }),
      extra(
          "held-out", [](auto& e) -> auto& { return e.held_out; }),
      extra(
          "defence", [](auto& e) -> auto& { return e.defence; }, "Defence"),
      extra(
          "attack", [](auto& e) -> auto& { return e.attack; }, "Attack"),
      extra(
          "malicious", [](auto& e) -> auto& { return e.malicious; }, "Malicious"),
      extra(
          "ldp-clip", [](auto& e) -> auto& { return e.local_privacy.clip; }),
      extra(
          "ldp-noise", [](auto& e) -> auto& { return e.local_privacy.noise; }),
      extra(
          "compression", [](auto& e) -> auto& { return e.compression; }),
      extra(
          "clock", [](auto& e) -> auto& { return e.clock; }),
  };
  return table;
}

static std::string text_of(const Experiment& experiment, bool has_columns) {
  std::string all;
  for (const Extra& extra : extras())
    if (const auto text = extra.text(experiment); text && !(has_columns && !extra.column.empty()))
      all += nn::concat(all.empty() ? "" : " ", extra.name, text->empty() ? "" : "=", *text);
  return all;
}

std::string extras_text(const Experiment& experiment) { return text_of(experiment, false); }

std::string training_text(const Experiment& experiment) { return text_of(experiment, true); }

bool parse_extras(const std::string& text, Experiment& experiment) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string_view whole = word, name = whole.substr(0, whole.find('='));
    const auto found = nn::find_row(extras(), name);
    if (!found) return false;
    const std::string_view value = whole.substr(std::min(name.size() + 1, whole.size()));
    if (!found->parse(value, experiment)) return false;
  }
  return true;
}

std::string malicious_text(const fl::Malicious& malicious) {
  if (malicious.clients.empty()) return number(malicious.share);
  return list_of(malicious.clients, ",") + (malicious.clients.size() == 1 ? "," : "");
}

std::optional<fl::Malicious> parse_malicious(std::string_view text) {
  fl::Malicious malicious;
  const bool is_client = nn::parse_number<int>(text).has_value();
  if (!is_client && text.find(',') == text.npos)
    return assign(nn::parse_number<double>(text), malicious.share) ? std::optional(malicious)
                                                                   : std::nullopt;
  for (const std::string& client : nn::split(text, ','))
    if (!client.empty() && !assign(nn::parse_number<int>(client), malicious.clients.emplace_back()))
      return {};
  return malicious;
}

}  // namespace federated
