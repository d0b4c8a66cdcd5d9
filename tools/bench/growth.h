#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/report/document.h"

namespace bench {

// A quantity, and the rate of work as it grows.
struct Growth {
  std::string suite, name;  // for --only
  std::string title, x_label, y_label;
  std::vector<int> points;
  std::vector<std::string> series;                        // beyond the first: to compare with
  std::function<std::vector<double>(int point)> measure;  // a value for each series
};

// All growths, for a machine with `threads` cores.
std::vector<Growth> growth_table(int threads);

report::LinePlot measure(const Growth& growth);

// x and a column for each series.
std::string to_csv(const report::LinePlot& plot);

}  // namespace bench
