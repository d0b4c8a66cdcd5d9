#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/federated/experiment.h"

// What an experiment may change of the training, the attack, the defence, compression and clock
// beside the columns that every table has. A field is a row here, and so is in the run's
// description, its CSV and JSON, and can be compared.
namespace federated {

struct Extra {
  std::string_view name;
  // As text; nothing if it is as usual.
  std::optional<std::string> (*text)(const Experiment&);
  // Back; false if it is not such a text.
  bool (*parse)(std::string_view text, Experiment&);
  std::string_view column = {};  // of bin/federated's table, which has "none" or "" as usual
};

std::span<const Extra> extras();

// "momentum=0.9 shuffled attack=reversion malicious=0.2": "" if all is as usual.
std::string extras_text(const Experiment& experiment);
// The same without those that have a column.
std::string training_text(const Experiment& experiment);
// Back; false if it is not such a text.
bool parse_extras(const std::string& text, Experiment& experiment);

// "0.2" is a share; "3,25,28" and "3," are clients.
std::string malicious_text(const fl::Malicious& malicious);
std::optional<fl::Malicious> parse_malicious(std::string_view text);

}  // namespace federated
