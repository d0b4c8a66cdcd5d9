#pragma once

#include <string>
#include <string_view>
#include <vector>

// The work of several actors over time, as text and as SVG.
namespace report {

struct BarKind {
  std::string_view name;
  int colour;            // of `fills`; legends are in this order
  char letter = '.';     // in text, where '.' is idle
  bool is_thin = false;  // happens beside other work
};

// Times count from 0, in any unit.
struct Bar {
  double start, end;
  BarKind kind;
  std::string label = {};
  int chunk = 0;
};

struct Lane {
  std::string name;
  std::vector<Bar> bars;
};

// Letters are those of the kinds, in lower case for chunks after the first. Of labels, the last
// character is shown.
enum class Glyphs { letters, labels };

// One line per lane, '.' for idle. Idle time at the end is left out.
//
//   FFF..BWBWBW     Times that are multiples of one unit have a column per unit if that fits;
//   .FFFBWBWBW      Others are scaled to `columns`; each column shows what takes most of its time.
//
// All columns together stand for `length`, to draw two timelines on one scale; 0: the last end.
std::vector<std::string> to_text(const std::vector<Lane>& lanes, Glyphs glyphs, int columns = 80,
                                 double length = 0);

// An SVG element with labels where they fit and a tooltip on every bar. Thin bars are below the
// others of their lane. `unit` is that of the time axis: "s", "ticks".
std::string to_svg(const std::vector<Lane>& lanes, const std::string& title, std::string_view unit);

}  // namespace report
