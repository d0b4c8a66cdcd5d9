#pragma once

#include <string>
#include <string_view>

// Text measured in the columns of a terminal.
namespace report {

inline constexpr int screen_width = 80;

// None for combining marks and colour escapes, two for East Asian wide characters and emoji, one
// for everything else.
int display_width(std::string_view text);

std::string pad_left(std::string_view text, int width);
std::string pad_right(std::string_view text, int width);

// At most `width` columns; "…" stands for what was cut.
std::string shorten(std::string_view text, int width);

// Lines of at most `width` columns, broken at spaces, without a newline at the end. The first
// begins with `first`, the others are indented as far. A word that is too long has a line of its
// own.
std::string wrap(std::string_view text, int width, std::string_view first = "");

std::string repeat(std::string_view what, int times);

std::string without_trailing_spaces(std::string_view line);

}  // namespace report
