#include "tools/report/document.h"

#include <algorithm>
#include <cstdlib>

namespace report {

static bool is_number(std::string_view cell) {
  std::string text(cell);
  for (const char* mark : {"%", " ", "±", "+", "−"}) {
    const std::string_view sign = mark;
    for (auto at = text.find(sign); at != text.npos; at = text.find(sign)) {
      text.erase(at, sign.size());
    }
  }
  if (text.empty() || text == "∞" || text == "-" || text == "–" || text == "—") return true;
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return *end == '\0';
}

std::size_t column_count(const Table& table) {
  std::size_t count = table.header.size();
  for (const auto& row : table.rows) count = std::max(count, row.size());
  return count;
}

std::string_view cell(const std::vector<std::string>& row, std::size_t column) {
  return column < row.size() ? std::string_view(row[column]) : std::string_view();
}

bool is_number_column(const Table& table, std::size_t column) {
  const auto& rows = table.rows;
  return std::ranges::all_of(rows, [=](auto& row) { return is_number(cell(row, column)); }) &&
         std::ranges::any_of(rows, [=](auto& row) { return !cell(row, column).empty(); });
}

}  // namespace report
