#include <doctest/doctest.h>

#include <filesystem>

#include "data/tables/rows.h"
#include "data/tables/table.h"
#include "nn/base/split.h"
#include "tests/complaint.h"

namespace {

const data::TableFormat format{"sick", {"pain", "sex"}};

data::Table table_of(const std::string& rows) {
  return data::parse_table("pain,age,sick,sex,dose\n" + rows, "t.csv", format);
}
std::string complaint_about(const std::string& rows) {
  return complaint_of([&] { table_of(rows); });
}

}  // namespace

TEST_CASE("a table has its numbers, then a column per value of the other columns, as in pandas") {
  const data::Table table = table_of("10,52,yes,m,0.5\n9,40,no,f,-1e2\n10,61,no,m,0\n");
  std::vector<std::string> names, sources;
  for (const data::TableColumn& column : table.columns) {
    names.push_back(column.name);
    sources.push_back(column.source);
  }
  CHECK(names == std::vector<std::string>{"age", "dose", "pain_9", "pain_10", "sex_f", "sex_m"});
  CHECK(sources == std::vector<std::string>{"age", "dose", "pain", "pain", "sex", "sex"});
  CHECK(table.classes == std::vector<std::string>{"no", "yes"});
  CHECK(table.labels == std::vector{1, 0, 0});
  CHECK(table.values == std::vector<double>{52, 0.5, 0, 1, 0, 1,   //
                                            40, -100, 1, 0, 1, 0,  //
                                            61, 0, 0, 1, 0, 1});
}

TEST_CASE("an error in a table is reported with line and column") {
  CHECK(complaint_about("1,52,1,1,0\n1,old,1,1,0\n") ==
        "t.csv:3: column age: 'old' is not a number");
  CHECK(complaint_about("1,52,1,1,\n") == "t.csv:2: column dose: '' is not a number");
  CHECK(complaint_about("1,52,1,1,inf\n") == "t.csv:2: column dose: 'inf' is not a number");
  CHECK(complaint_about("1,52,1,1,0\n,52,1,1,0\n") == "t.csv:3: column pain: there is no value");
  CHECK(complaint_about("1,52,,1,0\n") == "t.csv:2: column sick: there is no value");
  CHECK(complaint_about("1,52,1,1\n") == "t.csv:2: there are 4 cells for 5 columns");
  CHECK(complaint_about("") == "t.csv: there are no rows");
  const auto complaint = [](const std::string& csv) {
    return complaint_of([&] { data::parse_table(csv, "t.csv", {"b", {}}); });
  };
  CHECK(complaint("a,c\n1,2\n") == "t.csv: there is no column 'b'");
  CHECK(complaint("a,b,a\n1,2,3\n") == "t.csv: two columns are named 'a'");
  CHECK(complaint("a,,b\n1,2,3\n") == "t.csv: column 2 has no name");
  CHECK(complaint("b\n1\n") == "t.csv: there is no column but the label");
  std::string many = "a,b\n";
  for (int i = 0; i < 300; ++i) many += nn::concat("1,", i, '\n');
  CHECK(complaint(many) == "t.csv:258: column b: there are more than 256 values");
}

TEST_CASE("columns are scaled by the given rows") {
  data::Table table = data::parse_table("a,b,c\n2,5,x\n4,5,x\n8,6,y\n", "t.csv", {"c", {}});
  data::scale_to_unit(table, std::vector{0, 1});
  CHECK(table.values == std::vector<double>{0, 0, 1, 0, 3, 1});
}

TEST_CASE("every fifth row of a table tests") {
  std::string csv = "a,b\n";
  for (int i = 0; i < 11; ++i) csv += nn::concat(i, ',', i % 2, '\n');
  const data::RowSplit split = data::split_rows(data::parse_table(csv, "t.csv", {"b", {}}));
  REQUIRE(split.test.size() == 2);
  REQUIRE(split.train.size() == 9);
  CHECK(split.train.shape(3) == nn::Shape{3, 1});
  CHECK(split.train.class_count() == 2);
  std::vector<nn::real> inputs(2);
  std::vector<int> labels(2);
  split.test.copy_batch(std::vector{1, 0}, inputs.data(), labels);
  CHECK(inputs[0] == doctest::Approx(0.9));
  CHECK(inputs[1] == doctest::Approx(0.4));
  CHECK(labels == std::vector{1, 0});
}

TEST_CASE("heart.csv has the columns of the course's lab") {
  if (!std::filesystem::exists("data/raw/heart/heart.csv")) {
    MESSAGE("left out, no data/raw/heart: data/fetch.sh heart brings it");
    return;
  }
  const data::Table table =
      data::read_table("data/raw/heart/heart.csv",
                       {"target", {"sex", "cp", "fbs", "restecg", "exang", "slope", "ca", "thal"}});
  CHECK(table.rows() == 1025);
  REQUIRE(table.columns.size() == 30);
  CHECK(nn::join(table.features, " ") ==
        "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal");
  CHECK(table.columns[4].name == "oldpeak");
  CHECK(table.columns[5].name == "sex_0");
  CHECK(table.columns[29].name == "thal_3");
  CHECK(table.classes == std::vector<std::string>{"0", "1"});
}
