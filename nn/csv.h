#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Tables as RFC 4180 has them: cells between commas, and in quotes where they hold a comma, a quote
// or a line break themselves, or could be taken for the mark that some files begin with.
namespace nn {

// The text as one cell.
std::string csv_cell(std::string_view text);

struct CsvRecord {
  int line;  // where it begins, from 1
  std::vector<std::string> cells;
};

// Parses untrusted text. Lines end in LF or CRLF; empty ones are skipped, and so is a byte order
// mark. All records have as many cells as the first. Throws InputError with `name` and the line;
// more than 20 MB or two million cells are an error, too.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& name);

// The same for a file.
std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

}  // namespace nn
