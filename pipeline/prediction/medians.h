#pragma once

#include <cstddef>
#include <vector>

namespace pipeline {

// The medians of numbers that come in rows, over the last 1,000 rows. A few disturbed ones hardly
// change them.
class Medians {
 public:
  void add(std::vector<double> row);   // as many numbers each time
  std::vector<double> values() const;  // empty without a row

 private:
  std::vector<std::vector<double>> rows_;
  std::size_t oldest_ = 0;
};

}  // namespace pipeline
