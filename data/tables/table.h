#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace data {

// What the columns of a CSV file are: one has the class of each row, those named as categorical
// have values without an order, and all others have numbers.
struct TableFormat {
  std::string label;
  std::vector<std::string> categorical = {};
};

// A column as a model sees it: a numerical one, or whether a categorical one has a certain value.
struct TableColumn {
  std::string name;    // "age" or "sex_0"
  std::string source;  // the column of the file: "age" or "sex"
};

// Rows of numbers, with a class each. The order is that of pandas.get_dummies: numerical columns
// first, then one for each value of each categorical column, sorted, as numbers if all are.
struct Table {
  std::vector<std::string> features;  // the columns of the file but the label, in its order
  std::vector<TableColumn> columns;
  std::vector<double> values;        // [rows, columns]
  std::vector<int> labels;           // [rows]: indices of classes
  std::vector<std::string> classes;  // sorted likewise

  int rows() const { return static_cast<int>(labels.size()); }
  std::span<const double> row(int i) const {
    return std::span(values).subspan(i * columns.size(), columns.size());
  }
};

// Parses untrusted CSV with a line of names. Throws nn::InputError, naming line and column, if a
// cell is empty or is not a finite number where one should be; if a name is there twice or missing;
// and beyond 256 values of a categorical column or 50 million numbers.
Table parse_table(std::string_view csv, const std::string& name, const TableFormat& format);
Table read_table(const std::filesystem::path& file, const TableFormat& format);

// Scales every column by its minimum and maximum among these rows to 0 .. 1, with scikit-learn's
// rounding (MinMaxScaler); a column with one value becomes 0.
void scale_to_unit(Table& table, std::span<const int> rows);

}  // namespace data
