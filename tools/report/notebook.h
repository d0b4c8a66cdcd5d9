#pragma once

#include <string>

#include "tools/report/document.h"

namespace report {

// The document as a Jupyter notebook (nbformat 4.5). Code becomes a code cell, and the tables and
// plots after it become that cell's output. A table or plot without code before it gets a code cell
// with its caption as a comment. Everything else becomes a Markdown cell. Execution counts are
// null, because no kernel ran the cells. The text is sealed: nn::is_intact tells whether it has
// been edited, or executed and saved.
std::string to_notebook(const Document& document);

}  // namespace report
