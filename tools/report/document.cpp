#include "tools/report/document.h"

#include <cmath>

#include "nn/base/error.h"
#include "nn/base/number.h"

namespace report {

static bool is_number(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '%'; });
  text.erase(0, text.find_first_not_of("+-−±–—∞"));
  return text.empty() || nn::parse_number<double>(text);
}

bool Series::has_point(std::size_t i) const {
  constexpr double too_large = 1e300;
  return i < x.size() && std::abs(x[i]) < too_large && std::abs(y[i]) < too_large;
}

bool Table::has_numbers(std::size_t column) const {
  bool is_empty = true;
  for (const auto& row : rows) {
    nn::require(row.size() == header.size(), "table: a row of ", row.size(), " cells below ",
                header.size(), " columns");
    if (!is_number(row[column])) return false;
    is_empty = is_empty && row[column].empty();
  }
  return !is_empty;
}

std::string to_svg(const Picture& picture, Theme) { return picture.svg; }

}  // namespace report
