#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/split.h"

namespace nn {

// The row of a table whose `name` this is; null if there is none.
template <class Table>
const auto* find_row(const Table& table, std::string_view name) {
  const auto found =
      std::ranges::find_if(table, [name](const auto& row) { return row.name == name; });
  return found == table.end() ? nullptr : &*found;
}

// The same. Throws InputError, with all names, if there is none:
//   row_named(families(), "bert", "model")  // there is no model "bert"; choose llama or gpt2
template <class Table>
const auto& row_named(const Table& table, std::string_view name, std::string_view what) {
  if (const auto* row = find_row(table, name)) return *row;
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  throw InputError(concat("there is no ", what, " \"", name, '"'),
                   "choose " + join(names, ", ", " or "));
}

}  // namespace nn
