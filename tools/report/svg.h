#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "tools/report/axis.h"

namespace report {

// `automatic` has a transparent background and follows the reader's colour scheme, light or dark.
// `light` has a white background, for places with a theme of their own, such as notebooks.
enum class Theme { automatic, light };

// A coordinate as SVG has it.
std::string at(double value);

// An SVG element of 720 units width that scales with the page: a frame with a title above and a
// time or number axis below, then a legend. Plots and timelines fill the frame.
class Svg {
 public:
  static constexpr double right = 702, top = 46, character = 7.6;  // the last: of text, its width

  struct Entry {
    std::string name, swatch;  // an SVG element of 40 units width around y = 0
  };

  // The frame's inner edges keep `margin` from the ends of the axis.
  Svg(const std::string& title, const Axis& x, double left, double frame_height, double margin = 0);

  double left() const { return left_; }
  double bottom() const { return bottom_; }
  double x(double value) const;  // the position of a value on the axis

  template <class... Parts>
  void add(const Parts&... parts) {
    body_ += nn::concat(parts...);
  }
  // `anchor` is start, middle or end; classes are title, strong, faint and label.
  void text(double x, double y, std::string_view anchor, std::string_view what,
            std::string_view classes = "faint");
  // Classes are grid and axis.
  void line(std::string_view classes, double x1, double y1, double x2, double y2);

  void x_axis(std::string_view label);
  // Fills one column after the other.
  void legend(const std::vector<Entry>& entries);

  std::string finish(Theme theme) const;

 private:
  std::string title_, body_;
  Axis x_;
  double left_, bottom_, margin_, height_;
};

}  // namespace report
