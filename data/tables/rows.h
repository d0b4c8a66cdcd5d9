#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/examples.h"
#include "data/tables/table.h"

namespace data {

// Rows of a table as examples. Their groups are their classes.
class RowSet : public Examples {
 public:
  // Copies these rows.
  RowSet(const Table& table, std::span<const int> rows);

  int size() const override { return static_cast<int>(labels_.size()); }
  nn::InputKind kind() const override { return nn::InputKind::rows; }
  nn::Shape shape(nn::index n) const override { return {n, columns_}; }
  int class_count() const override { return classes_; }
  void copy_batch(std::span<const int> rows, nn::real* inputs,
                  std::span<int> labels) const override;
  std::span<const std::uint8_t> groups() const override { return labels_; }

 private:
  nn::index columns_;
  int classes_;
  std::vector<nn::real> values_;  // [rows, columns]
  std::vector<std::uint8_t> labels_;
};

// Every fifth row of the table, from the fifth on, tests; the others train and say how columns are
// scaled to 0 .. 1. Throws nn::Error for fewer than five rows.
struct RowSplit {
  RowSet train, test;
};
RowSplit split_rows(Table table);

}  // namespace data
