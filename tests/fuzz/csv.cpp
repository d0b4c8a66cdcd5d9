// A CSV table: an accepted one is a rectangle, and survives writing and reading.

#include "nn/base/csv.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const auto table = nn::parse_csv(fuzz::text_of(data, size), "table.csv");
    std::string text;
    for (const nn::CsvRecord& record : table) {
      fuzz::expect(record.cells.size() == table.front().cells.size(), "all rows are of one width");
      for (std::size_t i = 0; i < record.cells.size(); ++i) {
        const std::string cell = nn::csv_cell(record.cells[i]);
        text += (i ? "," : "") + (cell.empty() ? "\"\"" : cell);  // otherwise a line could be empty
      }
      text += '\n';
    }
    const auto again = nn::parse_csv(text, "table.csv");
    fuzz::expect(std::ranges::equal(table, again, {}, &nn::CsvRecord::cells, &nn::CsvRecord::cells),
                 "a table survives writing and reading");
  });
  return 0;
}
