#pragma once

#include <array>
#include <string_view>

// The fonts and colours of pages, plots and timelines.
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
inline constexpr std::array<std::string_view, 8> fills{"#56b4e9", "#e69f00", "#009e73", "#f0e442",
                                                       "#cc79a7", "#7d6bc9", "#8c959f", "none"};

}  // namespace report
