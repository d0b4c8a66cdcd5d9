#include "fl/defences.h"

#include <algorithm>

namespace fl {

std::span<const DefenceEntry> defence_table() {
  static const std::vector<DefenceEntry> table{
      {.name = "median",
       .label = "Median",
       .description = "the median of every number",
       .make = make_median},
  };
  return table;
}

const DefenceEntry* find_defence(std::string_view name) {
  const auto found = std::ranges::find(defence_table(), name, &DefenceEntry::name);
  return found == defence_table().end() ? nullptr : &*found;
}

}  // namespace fl
