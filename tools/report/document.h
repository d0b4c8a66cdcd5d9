#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

// The content of a report, and the forms in which it is written: text.cpp, html.cpp and
// notebook.cpp write a document, plot.cpp and confusion.cpp its pictures. All text is UTF-8.
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

// One that was drawn elsewhere.
struct Picture {
  std::string title;
  std::string svg;  // an element
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

using Block = std::variant<Heading, Paragraph, Table, LinePlot, ConfusionMatrix, Picture, Question,
                           Facts, Code>;

struct Document {
  std::string title;
  std::vector<Block> blocks;
};

// For terminals: lines of at most 80 columns, each with a newline. With `colour`, terminal escapes
// stand for the marks of Markdown, which are left out otherwise.
std::string to_text(const Document& document, bool colour = false);

// If the columns do not fit side by side, headers are broken into lines; cells never are.
std::string to_text(const Table& table);
// The columns of the screen that it takes, with the words of headers below each other.
int width_of(const Table& table);

// Braille dots, and a marker glyph for each series.
std::string to_text(const LinePlot& plot, bool colour = false);

// A table of the counts.
std::string to_text(const ConfusionMatrix& matrix);

// Its title.
std::string to_text(const Picture& picture);

// A page complete in itself, without scripts, fonts or pictures from elsewhere. It follows
// the reader's light or dark colour scheme, fits a telephone and prints well.
std::string to_html(const Document& document);

// The element of one block, for the middle of another page.
std::string to_html(const Block& block);

// A Jupyter notebook (nbformat 4.5). Code becomes a code cell, and the tables and plots after it
// become that cell's output. A table or plot without code before it gets a code cell with its
// caption as a comment. Everything else becomes a Markdown cell. Execution counts are null, because
// no kernel ran the cells. The text is sealed: nn::is_intact tells whether it has been edited, or
// executed and saved.
std::string to_notebook(const Document& document);

// `automatic` has a transparent background and follows the reader's colour scheme, light or dark.
// `light` has a white background, for places with a theme of their own, such as notebooks.
enum class Theme { automatic, light };

// An SVG element. Every line has its own colour, dashes and markers; pointing at a marker shows its
// value.
std::string to_svg(const LinePlot& plot, Theme theme = Theme::automatic);

// An SVG element. The darker a cell, the larger its share of the row; pointing at it shows the
// share.
std::string to_svg(const ConfusionMatrix& matrix, Theme theme = Theme::automatic);

// As it was drawn.
std::string to_svg(const Picture& picture, Theme theme = Theme::automatic);

}  // namespace report
