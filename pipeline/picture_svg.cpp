#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "nn/base/error.h"
#include "pipeline/picture.h"

namespace pipeline {
namespace {

using nn::concat;

constexpr double width = 720, top = 44, right = 18, character = 6.9;
constexpr double bar_height = 24, thin_height = 5, lane_gap = 10, legend_row = 22;

// Okabe and Ito's colours (2008). Labels are dark on all of them, edges keep them apart from white.
struct Style {
  Kind kind;
  const char* fill;
  bool is_thin = false;  // goes on beside other work
};
constexpr std::array styles{
    Style{Kind::forward, "#56b4e9"},       Style{Kind::backward, "#e69f00"},
    Style{Kind::weights, "#009e73"},       Style{Kind::update, "#f0e442"},
    Style{Kind::reduce, "#cc79a7", true},  Style{Kind::send, "#7d6bc9", true},
    Style{Kind::receive, "#8c959f", true}, Style{Kind::wait, "none"}};

const Style& style_of(Kind kind) { return styles[static_cast<std::size_t>(kind)]; }

std::string colours(const char* text, const char* strong, const char* grid, const char* edge) {
  return concat(".timeline text{fill:", text, "}.timeline .strong,.timeline .later{fill:", strong,
                "}.timeline .grid{stroke:", grid, "}.timeline .axis{stroke:", text,
                "}.timeline rect{stroke:", edge, "}");
}

std::string css() {
  std::string text =
      ".timeline{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}"
      ".timeline .title{font-size:15px;font-weight:600}.timeline rect{stroke-width:.8}"
      ".timeline .wait{stroke-dasharray:3 2}" +
      colours("#767d86", "#767d86", "#9aa0a855", "#767d86") +  // readers without media queries
      "@media (prefers-color-scheme:light){" +
      colours("#4b5563", "#1f2328", "#e3e6ea", "#1f232899") +
      "}@media (prefers-color-scheme:dark){" +
      colours("#a9b1bb", "#e6e9ed", "#343b44", "#e6e9ed99") +
      "}.timeline .label{font-size:11px;fill:#0b0d10}";
  for (const Style& style : styles)
    text += concat(".timeline .", name_of(style.kind), "{fill:", style.fill, "}");
  return text;
}

std::string number(double value, int decimals) {
  char text[64];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals);
  return end.ec == std::errc() ? std::string(text, end.ptr) : concat(value);
}
std::string at(double value) { return number(value, 2); }

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
  return escaped;
}

std::string text(double x, double y, const char* anchor, std::string_view what,
                 const char* style = "") {
  return concat("<text x=\"", at(x), "\" y=\"", at(y), "\" text-anchor=\"", anchor, "\" class=\"",
                style, "\">", escape(what), "</text>\n");
}

std::string line(const char* style, double x1, double y1, double x2, double y2) {
  return concat("<line class=\"", style, "\" x1=\"", at(x1), "\" y1=\"", at(y1), "\" x2=\"", at(x2),
                "\" y2=\"", at(y2), "\"/>\n");
}

// The time axis: from 0 to `end`, with a tick at every multiple of 1, 2 or 5 times a power of ten.
struct Axis {
  double left, end, step = 1;
  int decimals = 0;

  Axis(double left, double end) : left(left), end(end > 0 ? end : 1) {
    constexpr int most_ticks = 12;
    const double power = std::pow(10, std::floor(std::log10(this->end / most_ticks)));
    for (const double digit : {1, 2, 5, 10})
      if (step = digit * power; this->end / step <= most_ticks) break;
    decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  }
  double x(double time) const { return left + time / end * (width - right - left); }
};

struct Layout {
  Axis axis;
  double lane, bottom;

  double y(std::size_t row) const { return top + row * lane; }
};

Layout layout_of(const std::vector<Row>& rows) {
  std::size_t longest = 0;
  double end = 0;
  bool has_thin = false;
  for (const Row& row : rows) {
    longest = std::max(longest, row.name.size());
    for (const Bar& bar : row.bars) {
      nn::require(0 <= bar.start && bar.start <= bar.end && std::isfinite(bar.end),
                  "picture: ", row.name, " has a bar from ", bar.start, " to ", bar.end);
      end = std::max(end, bar.end);
      has_thin = has_thin || style_of(bar.kind).is_thin;
    }
  }
  const double lane = bar_height + lane_gap + (has_thin ? thin_height + 2 : 0);
  return {Axis(28 + longest * character, end), lane, top + rows.size() * lane};
}

std::string draw_axis(const Layout& layout, std::string_view unit) {
  const Axis& axis = layout.axis;
  std::string svg;
  for (int i = 0; i * axis.step <= axis.end * (1 + 1e-9); ++i) {
    const double x = axis.x(i * axis.step);
    svg += line("grid", x, top - 6, x, layout.bottom);
    svg += text(x, layout.bottom + 18, "middle", number(i * axis.step, axis.decimals));
  }
  svg += line("axis", axis.left, layout.bottom, width - right, layout.bottom);
  return svg + text(axis.left - 14, layout.bottom + 18, "end", unit);
}

std::string draw_bar(const Bar& bar, const Layout& layout, double y, std::string_view unit) {
  const Style& style = style_of(bar.kind);
  const double height = style.is_thin ? thin_height : bar_height;
  if (style.is_thin) y += bar_height + 2;
  const double x = layout.axis.x(bar.start), extent = layout.axis.x(bar.end) - x;
  const int decimals = layout.axis.decimals + (layout.axis.decimals > 0 ? 2 : 0);
  const bool is_later = bar.chunk > 0;
  std::string svg =
      concat("<rect class=\"", name_of(bar.kind), "\" x=\"", at(x), "\" y=\"", at(y), "\" width=\"",
             at(std::max(extent, 0.3)), "\" height=\"", height,
             is_later ? concat("\" fill-opacity=\"", at(0.9 / (1 + bar.chunk))) : "", "\"><title>",
             name_of(bar.kind), bar.label.empty() ? "" : " ", escape(bar.label),
             is_later ? concat(", chunk ", bar.chunk) : "", ": ", number(bar.start, decimals),
             " to ", number(bar.end, decimals), " ", escape(unit), "</title></rect>\n");
  if (!style.is_thin && !bar.label.empty() && extent >= bar.label.size() * character + 2.5)
    svg += text(x + extent / 2, y + bar_height / 2 + 4, "middle", bar.label,
                is_later || bar.kind == Kind::wait ? "later" : "label");
  return svg;
}

struct Legend {
  std::string svg;
  double height = 0;
};

Legend draw_legend(const std::vector<Row>& rows, double left, double y) {
  Legend legend;
  double x = left;
  for (const Style& style : styles) {
    const auto has_kind = [&](const Row& row) {
      return std::ranges::find(row.bars, style.kind, &Bar::kind) != row.bars.end();
    };
    if (std::ranges::none_of(rows, has_kind)) continue;
    const std::string_view name = name_of(style.kind);
    const double extent = 22 + name.size() * character + 11;
    if (legend.height == 0 || x + extent > width - right) x = left, legend.height += legend_row;
    const double middle = y + legend.height - legend_row;
    const double height = style.is_thin ? thin_height : 12;
    legend.svg += concat("<rect class=\"", name, "\" x=\"", at(x), "\" y=\"",
                         at(middle - height / 2), "\" width=\"16\" height=\"", height, "\"/>\n",
                         text(x + 22, middle + 4, "start", name));
    x += extent;
  }
  return legend;
}

}  // namespace

std::string draw_svg(const std::vector<Row>& rows, std::string_view title, std::string_view unit) {
  const Layout layout = layout_of(rows);
  const Legend legend = draw_legend(rows, layout.axis.left, layout.bottom + 44);
  const double height = layout.bottom + 36 + legend.height;
  std::string svg =
      concat("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" width=\"", width,
             "\" height=\"", height, "\" viewBox=\"0 0 ", width, " ", height,
             "\" role=\"img\" aria-label=\"", escape(title), "\">\n<style>", css(), "</style>\n");
  svg += text((layout.axis.left + width - right) / 2, 24, "middle", title, "title strong");
  svg += draw_axis(layout, unit);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    svg += text(layout.axis.left - 14, layout.y(i) + bar_height / 2 + 4, "end", rows[i].name);
    for (const Bar& bar : rows[i].bars) svg += draw_bar(bar, layout, layout.y(i), unit);
  }
  return svg + legend.svg + "</svg>\n";
}

}  // namespace pipeline
