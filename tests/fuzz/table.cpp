// A table of rows to learn: the first line gives the roles of the columns, the rest is CSV.

#include "data/tables/table.h"

#include "data/tables/rows.h"
#include "nn/base/split.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  data::TableFormat format;
  format.categorical = nn::split(text.substr(0, end), ',');
  format.label = format.categorical.back();
  format.categorical.pop_back();
  fuzz::try_to([&] {
    const data::Table table = data::parse_table(text.substr(end), "table.csv", format);
    const std::size_t width = table.columns.size();
    fuzz::expect(width > 0 && table.rows() > 0 && !table.classes.empty(), "a table has rows");
    fuzz::expect(table.values.size() == width * table.rows(), "a table is a rectangle");
    for (const int label : table.labels)
      fuzz::expect(label >= 0 && label < std::ssize(table.classes), "a label is a class");
    if (table.rows() < 5) return;
    const data::RowSplit split = data::split_rows(table);
    fuzz::expect(split.train.size() + split.test.size() == table.rows(), "no row is lost");
  });
  return 0;
}
