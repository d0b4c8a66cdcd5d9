#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The content of a report, independent of its form: to_text (terminal), to_html (page),
// to_notebook (Jupyter) and to_svg (one plot) each write the same document. All text is UTF-8.
namespace report {

// False for NaN, infinity and what is too large to do arithmetic with.
bool is_drawable(double value);

// One line of a plot; a point with a NaN or an infinity breaks the line.
struct Series {
  std::string name;
  std::vector<double> x, y;

  bool has_point(std::size_t i) const;  // drawable in both directions
};

struct LinePlot {
  std::string file_name;  // without folder and extension: "plot1"
  std::string title, x_label, y_label;
  std::vector<Series> series;
};

// Rows may be shorter than the header. A column of numbers is aligned to the right.
struct Table {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

struct Heading {
  std::string text;
  int level = 2;
};

// In paragraphs, questions and answers `code` and **bold** have their usual meaning, and an empty
// line begins a new paragraph.
struct Paragraph {
  std::string text;
};

struct Question {
  std::string question, answer;
};

// Values by name, such as the options of a run.
struct Facts {
  std::map<std::string, std::string> values;
};

// Python. In a notebook the tables and plots that follow are its output; a terminal leaves it out.
struct Code {
  std::string source;
};

using Block = std::variant<Heading, Paragraph, Table, LinePlot, Question, Facts, Code>;

struct Document {
  std::string title;
  std::vector<Block> blocks;
};

std::size_t column_count(const Table& table);

// The text of a cell, empty where the row is too short.
std::string_view cell(const std::vector<std::string>& row, std::size_t column);

// True if the cells below the header hold only numbers, with signs and percent, `∞`, dashes or
// nothing, and one is not empty.
bool is_number_column(const Table& table, std::size_t column);

}  // namespace report
