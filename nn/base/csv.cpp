#include "nn/base/csv.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace nn {

namespace {

constexpr std::size_t most_bytes = 20'000'000, most_cells = 2'000'000;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& name) : rest_(text), name_(name) {
    check(text.size() <= most_bytes, "the table has more than ", most_bytes, " bytes");
    take(byte_order_mark);
  }

  bool is_at_end() {
    while (take_line_end()) continue;
    return rest_.empty();
  }

  CsvRecord record(std::size_t width) {  // 0: any
    CsvRecord record{line_, {}};
    const int line = line_;
    do {
      record.cells.push_back(cell());
      check(++cells_ <= most_cells, "the table has more than ", most_cells, " cells");
    } while (take(","));
    check(rest_.empty() || take_line_end(), "a cell ends in neither a comma nor a line break");
    const std::size_t found = record.cells.size();
    check_at(line, width == 0 || found == width, "there are ", found, " cells for ", width,
             " columns");
    return record;
  }

 private:
  template <class... Parts>
  void check_at(int line, bool holds, const Parts&... parts) const {
    if (!holds)
      throw InputError(concat(name_, ':', line, ": ", parts...),
                       "CSV has one row per line, commas between cells, and quotes around a cell "
                       "that contains a comma");
  }
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    check_at(line_, holds, parts...);
  }

  bool take(std::string_view mark) {
    if (!rest_.starts_with(mark)) return false;
    rest_.remove_prefix(mark.size());
    return true;
  }

  bool take_line_end() {
    if (!take("\n") && !take("\r\n")) return false;
    ++line_;
    return true;
  }

  std::string_view take_until(std::string_view marks) {
    const std::string_view taken = rest_.substr(0, rest_.find_first_of(marks));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string cell() {
    if (!take("\"")) return std::string(take_until(",\"\r\n"));
    const int opened = line_;
    for (std::string text;; text += '"') {
      const std::string_view part = take_until("\"");
      text += part;
      line_ += static_cast<int>(std::ranges::count(part, '\n'));
      check_at(opened, take("\""), "a quote is not closed");
      if (!rest_.starts_with('"')) return text;
      take("\"");
    }
  }

  std::string_view rest_;
  const std::string& name_;
  int line_ = 1;
  std::size_t cells_ = 0;
};

}  // namespace

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos && !text.starts_with(byte_order_mark))
    return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& name) {
  Scanner scanner(text, name);
  std::vector<CsvRecord> records;
  while (!scanner.is_at_end())
    records.push_back(scanner.record(records.empty() ? 0 : records.front().cells.size()));
  return records;
}

std::vector<CsvRecord> read_csv(const std::filesystem::path& file) {
  return parse_csv(read_file(file, most_bytes), file.string());
}

}  // namespace nn
