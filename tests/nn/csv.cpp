#include "nn/base/csv.h"

#include <doctest/doctest.h>

#include "tests/complaint.h"
#include "tests/temporary_file.h"

namespace {

using Cells = std::vector<std::string>;

std::vector<Cells> cells_of(std::string_view text) {
  std::vector<Cells> cells;
  for (const nn::CsvRecord& record : nn::parse_csv(text, "table.csv"))
    cells.push_back(record.cells);
  return cells;
}

}  // namespace

TEST_CASE("a cell is quoted only where it would otherwise be taken for several") {
  CHECK(nn::csv_cell("FedAvg (E=2)") == "FedAvg (E=2)");
  CHECK(nn::csv_cell("") == "");
  CHECK(nn::csv_cell("a, b") == "\"a, b\"");
  CHECK(nn::csv_cell("a \"b\"") == "\"a \"\"b\"\"\"");
  CHECK(nn::csv_cell("a\nb") == "\"a\nb\"");
  CHECK(nn::csv_cell("a\rb") == "\"a\rb\"");
}

TEST_CASE("cells are read back as they were written, whatever they hold") {
  const Cells texts{
      "\xEF\xBB\xBFplain", "a,b", "\"", "\"\"", "two\nlines", "\r\n", "η=0.01", "", ",", " a "};
  std::string row;
  for (const std::string& text : texts) row += (row.empty() ? "" : ",") + nn::csv_cell(text);
  for (const std::string end : {"\n", "\r\n", ""})
    CHECK(cells_of(row + end) == std::vector<Cells>{texts});
}

TEST_CASE("a table is read line by line, skipping empty lines and a byte order mark") {
  CHECK(cells_of("").empty());
  CHECK(cells_of("\n\r\n").empty());
  CHECK(cells_of("\xEF\xBB\xBFη,b\r\n\n1,\n") == std::vector<Cells>{{"η", "b"}, {"1", ""}});
  const auto records = nn::parse_csv("a,b\n\"1\n\n\",2\n3,4", "table.csv");
  REQUIRE(records.size() == 3);
  CHECK(records[1].line == 2);
  CHECK(records[2].line == 5);
}

TEST_CASE("a malformed table is refused with its line") {
  const auto refused = [](const std::string& text) {
    return complaint_of([&] { nn::parse_csv(text, "table.csv"); });
  };
  CHECK(refused("a,b\n1,2,3\n") == "table.csv:2: there are 3 cells for 2 columns");
  CHECK(refused("a,b\n\n1\n") == "table.csv:3: there are 1 cells for 2 columns");
  CHECK(refused("a\n\"b\n\nc") == "table.csv:2: a quote is not closed");
  CHECK(refused("a\n\"b\"\"") == "table.csv:2: a quote is not closed");
  for (const char* text : {"a\nb\"c\"\n", "a\n\"b\"c\n", "a\nb\rc\n", "a\n\"b\" \n"})
    CHECK(refused(text) == "table.csv:2: a cell ends in neither a comma nor a line break");
  CHECK(refused(std::string(20'000'001, 'x')) ==
        "table.csv:1: the table has more than 20000000 bytes");
  CHECK(refused(std::string(3'000'000, ',')) ==
        "table.csv:1: the table has more than 2000000 cells");
}

TEST_CASE("a file that never ends is not read to its end") {
  CHECK(contains(complaint_of([] { nn::read_csv("/dev/zero"); }), "more than 20000000 bytes"));
  CHECK(contains(complaint_of([] { nn::read_csv("no/such/file"); }), "cannot read"));
  CHECK(nn::read_csv(TemporaryFile("a,b\n")).size() == 1);
}
