#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/simulate.h"

// Pictures of what stages do when: simulated or measured, as text and as SVG.
namespace pipeline {

enum class Kind { forward, backward, weights, update, reduce, send, receive, wait };

std::string_view name_of(Kind kind);
Kind kind_of(Work work);

// Times count from 0, in any unit.
struct Bar {
  double start, end;
  Kind kind;
  std::string label = {};  // the microbatch
  int chunk = 0;
};

struct Row {
  std::string name;  // "stage 0"
  std::vector<Bar> bars;
};

// One row per stage.
std::vector<Row> rows_of(const Timeline& timeline);

// One line per row: F forward, B backward, W weights (small letters in chunks after the first),
// U update, R reduce, '.' idle, which includes sending, receiving and waiting. Idle time at the end
// is left out.
//
//   FFF..BWBWBW     Times that are multiples of one unit have a column per unit if that fits;
//   others .FFFBWBWBW      are scaled to `columns`, where each shows what takes most of it.
//
// `length` is the time that all columns stand for, to draw two pictures alike; 0: the last end.
std::vector<std::string> draw_letters(const std::vector<Row>& rows, int columns = 80,
                                      double length = 0);

// The same with the last digit of each label in place of the letter.
std::vector<std::string> draw_labels(const std::vector<Row>& rows, int columns = 80,
                                     double length = 0);

// An SVG of 720 units width, for light and dark pages: a lane per row, with labels where they fit
// and a tooltip on every bar; sends, receives and reductions, which go on beside other work, in a
// thin lane below. `unit` is that of the time axis: "s", "ticks".
std::string draw_svg(const std::vector<Row>& rows, std::string_view title, std::string_view unit);

}  // namespace pipeline
