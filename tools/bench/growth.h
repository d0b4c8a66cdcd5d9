#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/report/document.h"

namespace bench {

// A quantity, and what is done in a second as it grows.
struct Growth {
  std::string suite, name;  // as --only wants them
  std::string title, x_label, y_label;
  std::vector<int> points;
  std::vector<std::string> series;                        // the second and further ones: to compare
  std::function<std::vector<double>(int point)> measure;  // a value for each series
};

// All of them, for a machine with so many cores.
std::vector<Growth> growth_table(int threads);

report::LinePlot measure(const Growth& growth);

// x and a column for each series.
std::string to_csv(const report::LinePlot& plot);

}  // namespace bench
