#include "tools/report/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace report {

static bool is_number(std::string_view cell) {
  std::string text(cell);
  std::erase_if(text, [](char c) { return c == ' ' || c == '%'; });
  const char* const begin = text.data() + std::min(text.find_first_not_of("+-−±–—∞"), text.size());
  double value;
  return std::from_chars(begin, text.data() + text.size(), value).ptr == text.data() + text.size();
}

bool is_drawable(double value) { return std::abs(value) < 1e300; }

bool Series::has_point(std::size_t i) const {
  return i < x.size() && is_drawable(x[i]) && is_drawable(y[i]);
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
