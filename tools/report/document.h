#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

// The content of a report, independent of its form. to_text (terminal), to_html (page) and
// to_notebook (Jupyter) write a document, to_svg one picture. All text is UTF-8.
namespace report {

// One line of a plot. It breaks at points that cannot be drawn.
struct Series {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> spread = {};  // of each y, drawn as a band from y - spread to y + spread

  // Whether there is a point i and both its coordinates are numbers, not too large to calculate
  // with.
  bool has_point(std::size_t i) const;
};

struct LinePlot {
  std::string file_name;  // without folder and extension: "plot1"
  std::string title, x_label, y_label;
  std::vector<Series> series;
};

// How many examples of each class were put into which.
struct ConfusionMatrix {
  std::string file_name, title;  // as a plot's
  int classes;
  std::vector<int> counts;  // [classes, classes]: row true class, column predicted class
};

// Every row has as many cells as the header. Columns of numbers are aligned to the right.
struct Table {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  // Whether the cells below the header hold only numbers, with signs and percent, `∞`, dashes or
  // nothing, and one is not empty. Throws nn::Error if a row is longer or shorter than the header.
  bool has_numbers(std::size_t column) const;
};

struct Heading {
  std::string text;
  int level = 2;
};

// Markdown, but only `code`, **bold** and the empty line between paragraphs.
struct Paragraph {
  std::string text;
};

struct Question {
  std::string question, answer;  // the answer as in Paragraph
};

// Values by name, such as the options of a run.
struct Facts {
  std::map<std::string, std::string> values;
};

// Python. In a notebook the tables and plots that follow are its output. A terminal omits it.
struct Code {
  std::string source;
};

using Block =
    std::variant<Heading, Paragraph, Table, LinePlot, ConfusionMatrix, Question, Facts, Code>;

struct Document {
  std::string title;
  std::vector<Block> blocks;
};

}  // namespace report
