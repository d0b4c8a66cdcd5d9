#include "tools/bench/profiles.h"

#include <array>

#include "nn/base/csv.h"

namespace bench {

std::span<const Profile> profile_table() {
  static constexpr std::array table{
      Profile{"llama", "llama-parts", llama_parts},
      Profile{"llama", "llama-cores", llama_cores},
      Profile{"federated", "round-cores", round_cores},
  };
  return table;
}

std::string to_csv(const report::Table& table) {
  std::string csv;
  const auto add = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      csv += (i > 0 ? "," : "") + nn::csv_cell(cells[i]);
    csv += '\n';
  };
  add(table.header);
  for (const auto& row : table.rows) add(row);
  return csv;
}

}  // namespace bench
