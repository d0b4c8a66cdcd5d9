#include "tools/report/svg.h"

#include <algorithm>
#include <cmath>

#include "tools/report/columns.h"
#include "tools/report/markup.h"

namespace report {
namespace {

using nn::concat;

constexpr double width = 720, swatch = 40, legend_row = 24;

constexpr std::string_view shapes =
    ".plot .title{font-size:15px;font-weight:600}.plot .label{font-size:11px;fill:#0b0d10}"
    ".plot .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}"
    ".plot .mark{fill:currentColor}.plot .band{fill:currentColor;opacity:.15}.plot "
    "rect{stroke-width:.8}";

std::string scheme(const Colours& colours) {
  const auto& [paper, shade, ink, faint, rule, lines] = colours;
  std::string css =
      concat(".plot .faint{fill:", faint, "}.plot .strong{fill:", ink, "}.plot .grid{stroke:", rule,
             "}.plot .axis,.plot rect{stroke:", faint, "}");
  for (std::size_t i = 0; i < lines.size(); ++i)
    css += concat(".plot .c", i, "{color:", lines[i], "}");
  return css;
}

}  // namespace

std::string at(double value) { return fixed(value, 1); }

Svg::Svg(const std::string& title, const Axis& x, double left, double frame_height, double margin)
    : left(left), bottom(top + frame_height), title_(title), x_(x), margin_(margin) {
  text((left + right) / 2, 26, "middle", title, "title strong");
}

double Svg::x(double value) const {
  return left + margin_ + x_.fraction(value) * (right - left - 2 * margin_);
}

void Svg::text(double x, double y, std::string_view anchor, std::string_view what,
               std::string_view classes) {
  add("<text x=\"", at(x), "\" y=\"", at(y), "\" text-anchor=\"", anchor, "\" class=\"", classes,
      "\">", escape_xml(what), "</text>\n");
}

void Svg::line(std::string_view classes, double x1, double y1, double x2, double y2) {
  add("<line class=\"", classes, "\" x1=\"", at(x1), "\" y1=\"", at(y1), "\" x2=\"", at(x2),
      "\" y2=\"", at(y2), "\"/>\n");
}

void Svg::x_axis(std::string_view label) {
  for (const double tick : x_.ticks) {
    line("grid", x(tick), top, x(tick), bottom);
    text(x(tick), bottom + 20, "middle", x_.label(tick));
  }
  line("axis", left, bottom, right, bottom);
  text((left + right) / 2, bottom + 43, "middle", label);
}

std::string Svg::finish(Theme theme, const std::vector<Entry>& legend) {
  int longest = 0;
  for (const Entry& entry : legend) longest = std::max(longest, display_width(entry.name));
  const double column = swatch + 30 + longest * character, count = legend.size();
  const double rows = std::ceil(count / std::max(1.0, std::floor((right - left) / column)));
  const double columns = std::ceil(count / rows);
  const double start = std::max(left, (left + right - columns * column) / 2);
  for (std::size_t i = 0; i < legend.size(); ++i) {
    const double x = start + std::floor(i / rows) * column;
    const double y = bottom + 70 + std::fmod(i, rows) * legend_row;
    add("<g transform=\"translate(", at(x), " ", at(y), ")\">", legend[i].swatch, "</g>\n");
    text(x + swatch + 8, y + 4.5, "start", legend[i].name);
  }

  const double height = bottom + 56 + rows * legend_row;
  const std::string size = concat("width=\"", width, "\" height=\"", height, "\"");
  std::string css = concat(".plot{font:13px ", font, "}", shapes, scheme(light)), paper;
  if (theme == Theme::automatic)
    css += concat("@media (prefers-color-scheme:dark){", scheme(dark), "}");
  else
    paper = concat("<rect ", size, " rx=\"6\" fill=\"#fff\" style=\"stroke:none\"/>\n");
  return concat("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" ", size,
                " viewBox=\"0 0 ", width, " ", height, "\" role=\"img\" aria-label=\"",
                escape_xml(title_), "\">\n", element("style", css), "\n", paper, body_, "</svg>\n");
}

}  // namespace report
