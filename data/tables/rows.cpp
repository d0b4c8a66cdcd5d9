#include "data/tables/rows.h"

#include <algorithm>

#include "nn/base/error.h"

namespace data {

RowSet::RowSet(const Table& table, std::span<const int> rows)
    : columns_(static_cast<nn::index>(table.columns.size())),
      classes_(static_cast<int>(table.classes.size())) {
  nn::require(classes_ <= 256, "rows: ", classes_, " classes");
  for (const int row : rows) {
    for (const double value : table.row(row)) values_.push_back(static_cast<nn::real>(value));
    labels_.push_back(static_cast<std::uint8_t>(table.labels[row]));
  }
}

void RowSet::copy_batch(std::span<const int> rows, nn::real* inputs, std::span<int> labels) const {
  nn::require(labels.size() == rows.size(), "copy_batch: ", rows.size(), " rows, but ",
              labels.size(), " labels");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    nn::require(rows[i] >= 0 && rows[i] < size(), "copy_batch: row ", rows[i], " of ", size());
    inputs = std::copy_n(values_.begin() + rows[i] * columns_, columns_, inputs);
    labels[i] = labels_[rows[i]];
  }
}

RowSplit split_rows(Table table) {
  nn::require(table.rows() >= 5, "split_rows: ", table.rows(), " rows");
  std::vector<int> train, test;
  for (int row = 0; row < table.rows(); ++row) (row % 5 == 4 ? test : train).push_back(row);
  scale_to_unit(table, train);
  return {{table, train}, {table, test}};
}

}  // namespace data
