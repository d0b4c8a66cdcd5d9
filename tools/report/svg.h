#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "tools/report/axis.h"

// The frame of pictures, and the fonts and colours of pictures and pages.
namespace report {

inline constexpr std::string_view font =
    R"(system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif)";
inline constexpr std::string_view code_font =
    R"(ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace)";

// Lines are Okabe and Ito's colours (2008) without the two that vanish on white and the black that
// vanishes on black, then a mustard and a grey. Each has a contrast of 3 on its paper.
struct Colours {
  std::string_view paper, shade, ink, faint, rule;
  std::array<std::string_view, 6> lines;
};
inline constexpr Colours light{
    "#fff",    "#f5f7f9", "#1f2328",
    "#4b5563", "#e3e6ea", {"#0072b2", "#d55e00", "#009e73", "#c0679a", "#8f7110", "#6b7480"}};
inline constexpr Colours dark{
    "#14181d", "#1c2229", "#e6e9ed",
    "#a9b1bb", "#343b44", {"#56b4e9", "#f28e4b", "#2dc79c", "#e3a1c6", "#d9b945", "#a5aeb8"}};

// Okabe and Ito's again, for areas with dark text on them; the last area is hollow.
inline constexpr std::array<std::string_view, 10> fills{"#56b4e9", "#e69f00", "#009e73", "#f0e442",
                                                        "#cc79a7", "#7d6bc9", "#8c959f", "none",
                                                        "#d55e00", "#0072b2"};

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

  const double left, bottom;
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
  // The element, with a legend that fills one column after the other.
  std::string finish(Theme theme, const std::vector<Entry>& legend = {});

 private:
  std::string title_, body_;
  Axis x_;
  double margin_;
};

}  // namespace report
