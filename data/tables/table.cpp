#include "data/tables/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"

namespace data {

namespace {

using nn::concat;

constexpr std::size_t most_values = 256, most_numbers = 50'000'000, most_bytes = 20'000'000;

std::string quoted(const std::string& cell) { return concat('\'', nn::printable(cell, 60), '\''); }

std::optional<double> finite_number(const std::string& cell) {
  const auto number = nn::parse_number<double>(cell);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

// The records under the line of names.
class CsvTable {
 public:
  CsvTable(std::string_view csv, std::string name)
      : name_(std::move(name)), records_(nn::parse_csv(csv, name_)) {
    if (records_.size() < 2)
      refuse("there are no rows", "the first line has the names of the columns, then a line a row");
    for (std::size_t i = 0; i < names().size(); ++i) {
      if (names()[i].empty()) refuse(concat("column ", i + 1, " has no name"), "give it one");
      if (std::ranges::count(names(), names()[i]) > 1)
        refuse(concat("two columns are named ", quoted(names()[i])), "rename one");
    }
  }

  const std::vector<std::string>& names() const { return records_[0].cells; }
  std::span<const nn::CsvRecord> rows() const { return std::span(records_).subspan(1); }

  std::size_t find(const std::string& column) const {
    const auto found = std::ranges::find(names(), column);
    if (found == names().end())
      refuse(concat("there is no column ", quoted(column)),
             concat("its columns: ", nn::printable(nn::join(names()))));
    return found - names().begin();
  }

  double number(const nn::CsvRecord& row, std::size_t column) const {
    const auto number = finite_number(row.cells[column]);
    if (!number)
      refuse_cell(row, column, quoted(row.cells[column]) + " is not a number",
                  concat("correct it, or say that its values have no order: --categorical ",
                         nn::printable(names()[column])));
    return *number;
  }

  // The values of a column, sorted, and their numbers.
  std::map<std::string, int> values_of(std::size_t column) const {
    std::map<std::string, int> numbers;
    for (const nn::CsvRecord& row : rows()) {
      if (row.cells[column].empty()) refuse_cell(row, column, "there is no value", "fill it in");
      numbers[row.cells[column]];
      if (numbers.size() > most_values)
        refuse_cell(row, column, concat("there are more than ", most_values, " values"),
                    "a column of numbers is not categorical, and cannot be the label");
    }
    std::vector<std::string> sorted;
    sorted.reserve(numbers.size());
    for (const auto& [value, number] : numbers) sorted.push_back(value);
    if (std::ranges::all_of(sorted,
                            [](const auto& cell) { return finite_number(cell).has_value(); }))
      std::ranges::stable_sort(sorted, {}, [](const auto& cell) { return *finite_number(cell); });
    for (std::size_t i = 0; i < sorted.size(); ++i) numbers[sorted[i]] = static_cast<int>(i);
    return numbers;
  }

  [[noreturn]] void refuse(const std::string& what, const std::string& hint) const {
    throw nn::InputError(concat(name_, ": ", what), hint);
  }

 private:
  [[noreturn]] void refuse_cell(const nn::CsvRecord& row, std::size_t column,
                                const std::string& what, const std::string& hint) const {
    throw nn::InputError(
        concat(name_, ':', row.line, ": column ", nn::printable(names()[column]), ": ", what),
        hint);
  }

  std::string name_;
  std::vector<nn::CsvRecord> records_;
};

std::vector<std::string> in_order(const std::map<std::string, int>& numbers) {
  std::vector<std::string> values(numbers.size());
  for (const auto& [value, number] : numbers) values[number] = value;
  return values;
}

}  // namespace

Table parse_table(std::string_view csv, const std::string& name, const TableFormat& format) {
  const CsvTable file(csv, name);
  const std::size_t label = file.find(format.label);
  std::vector<bool> is_number(file.names().size(), true);
  is_number[label] = false;
  for (const std::string& column : format.categorical) is_number[file.find(column)] = false;

  struct Categorical {
    std::size_t column;
    std::map<std::string, int> values;
    std::size_t first;  // of its columns in the result
  };
  Table table;
  for (const std::string& column : file.names())
    if (column != format.label) table.features.push_back(column);
  std::vector<std::size_t> numerical;
  std::vector<Categorical> categorical;
  for (std::size_t i = 0; i < is_number.size(); ++i) {
    if (!is_number[i]) continue;
    numerical.push_back(i);
    table.columns.push_back({file.names()[i], file.names()[i]});
  }
  for (std::size_t i = 0; i < is_number.size(); ++i) {
    if (is_number[i] || i == label) continue;
    const auto& column = categorical.emplace_back(i, file.values_of(i), table.columns.size());
    for (const std::string& value : in_order(column.values))
      table.columns.push_back({file.names()[i] + '_' + value, file.names()[i]});
  }
  if (table.columns.empty()) file.refuse("there is no column but the label", "add some");
  if (table.columns.size() * file.rows().size() > most_numbers)
    file.refuse(concat("more than ", most_numbers, " numbers"),
                "name fewer columns as categorical");

  const std::map<std::string, int> classes = file.values_of(label);
  table.classes = in_order(classes);
  for (const nn::CsvRecord& row : file.rows()) {
    const std::size_t first = table.values.size();
    for (const std::size_t column : numerical) table.values.push_back(file.number(row, column));
    table.values.resize(first + table.columns.size());
    for (const Categorical& column : categorical)
      table.values[first + column.first + column.values.at(row.cells[column.column])] = 1;
    table.labels.push_back(classes.at(row.cells[label]));
  }
  return table;
}

Table read_table(const std::filesystem::path& file, const TableFormat& format) {
  return parse_table(nn::read_file(file, most_bytes), file.string(), format);
}

void scale_to_unit(Table& table, std::span<const int> rows) {
  nn::require(!rows.empty(), "scale_to_unit: no rows");
  const std::size_t width = table.columns.size();
  for (std::size_t column = 0; column < width; ++column) {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (const int row : rows) {
      least = std::min(least, table.row(row)[column]);
      most = std::max(most, table.row(row)[column]);
    }
    const double scale = 1 / (most > least ? most - least : 1);
    for (std::size_t at = column; at < table.values.size(); at += width)
      table.values[at] = table.values[at] * scale + (0 - least * scale);
  }
}

}  // namespace data
