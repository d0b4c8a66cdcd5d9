#pragma once

#include <string>
#include <vector>

namespace report {

// Numbers from 0 in rows of the same length, such as clients by labels.
struct HeatMap {
  std::string title;
  std::string rows, columns;  // what they are: "client", "label"
  std::vector<std::vector<double>> values;
};

// An SVG element. The larger a number, the more solid its cell; pointing at a cell shows it. Throws
// nn::Error if rows differ in length.
std::string to_svg(const HeatMap& map);

}  // namespace report
