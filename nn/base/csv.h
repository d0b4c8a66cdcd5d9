#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Tables in the format of RFC 4180: cells separated by commas, and quoted if they contain a comma,
// a quote or a line break, or could be mistaken for a byte order mark.
namespace nn {

// The text as one cell.
std::string csv_cell(std::string_view text);

struct CsvRecord {
  int line;  // the line it begins on, from 1
  std::vector<std::string> cells;
};

// Parses untrusted text. Lines end in LF or CRLF; empty lines and a byte order mark are skipped.
// All records must have as many cells as the first. Throws InputError with `name` and the line,
// also above 20 MB or two million cells.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& name);

// The same for a file.
std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

}  // namespace nn
