#include "tools/report/document.h"

#include <numeric>
#include <span>

#include "nn/base/error.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"

namespace report {
namespace {

using nn::concat;

std::span<const int> row_of(const ConfusionMatrix& matrix, int label) {
  const std::size_t classes = matrix.classes;
  nn::require(matrix.counts.size() == classes * classes, "confusion matrix: ", matrix.counts.size(),
              " counts for ", classes, " classes");
  return std::span(matrix.counts).subspan(label * classes, classes);
}

}  // namespace

std::string to_svg(const ConfusionMatrix& matrix, Theme theme) {
  constexpr double left = 60, height = 30, darkest = 0.6;  // text stays readable on the last
  Svg svg(matrix.title, {0.0, static_cast<double>(matrix.classes)}, left, height * matrix.classes);
  svg.add("<g transform=\"translate(16 ", at((Svg::top + svg.bottom) / 2), ") rotate(-90)\">\n");
  svg.text(0, 0, "middle", "True class");
  svg.add("</g>\n");
  for (int label = 0; label < matrix.classes; ++label) {
    const std::span<const int> row = row_of(matrix, label);
    const int all = std::accumulate(row.begin(), row.end(), 0);
    const double y = Svg::top + label * height;
    svg.text(left - 10, y + height / 2 + 4.5, "end", std::to_string(label));
    svg.text(svg.x(label + 0.5), svg.bottom + 20, "middle", std::to_string(label));
    for (int put = 0; put < matrix.classes; ++put) {
      const double share = all ? static_cast<double>(row[put]) / all : 0;
      const std::string tip = concat(fixed(100 * share, 1), " % of class ", label, " as ", put);
      svg.add("<rect class=\"c0\" fill=\"currentColor\" fill-opacity=\"", fixed(share * darkest, 3),
              "\" x=\"", at(svg.x(put)), "\" y=\"", at(y), "\" width=\"", at(svg.x(1) - svg.x(0)),
              "\" height=\"", at(height), "\">", element("title", escape_xml(tip)), "</rect>\n");
      if (row[put] > 0)
        svg.text(svg.x(put + 0.5), y + height / 2 + 4.5, "middle", std::to_string(row[put]),
                 "strong");
    }
  }
  svg.x_axis("Predicted class");
  return svg.finish(theme);
}

std::string to_text(const ConfusionMatrix& matrix) {
  Table table{matrix.title, {"true \\ predicted"}, {}};
  for (int label = 0; label < matrix.classes; ++label) {
    table.header.push_back(std::to_string(label));
    auto& row = table.rows.emplace_back(1, std::to_string(label));
    for (const int count : row_of(matrix, label)) row.push_back(std::to_string(count));
  }
  return to_text(table);
}

}  // namespace report
