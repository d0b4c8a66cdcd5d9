#include <doctest/doctest.h>

#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tests/tools/report_text.h"
#include "tools/report/document.h"

namespace report {

namespace {

const ConfusionMatrix example{"confusion", "With <the> trigger", 2, {30, 10, 0, 20}};

}  // namespace

TEST_CASE("a confusion matrix is a drawing whose cells are as dark as their share of the row") {
  const std::string svg = to_svg(example);
  check_well_formed(svg);
  CHECK(count(svg, "<rect") == 4);
  CHECK(count(svg, "fill-opacity=\"0.450\"") == 1);  // 30 of 40, of 0.6
  CHECK(count(svg, "fill-opacity=\"0.600\"") == 1);
  CHECK(contains(svg, "75.0 % of class 0 as 0"));
  CHECK(contains(svg, "0.0 % of class 1 as 0"));
  CHECK(contains(svg, "With &lt;the&gt; trigger"));
}

TEST_CASE("a class without examples leaves its row white") {
  const std::string svg = to_svg({"confusion", "Empty", 2, {0, 0, 0, 20}});
  check_well_formed(svg);
  CHECK(count(svg, "fill-opacity=\"0.000\"") == 3);
}

TEST_CASE("a confusion matrix is a table in a terminal, and a picture on a page or in a notebook") {
  CHECK(to_text(example) ==
        "With <the> trigger\n"
        "────────────────────────\n"
        "true \\ predicted   0   1\n"
        "────────────────────────\n"
        "               0  30  10\n"
        "               1   0  20\n"
        "────────────────────────\n");
  const Document document{"Report", {example}};
  CHECK(contains(to_text(document), to_text(example)));
  CHECK(contains(to_html(document), to_svg(example)));
  CHECK(contains(to_notebook(document), "data:image/svg+xml"));
}

TEST_CASE("a matrix that is not square is an error") {
  CHECK_THROWS_WITH_AS(to_text(ConfusionMatrix{"confusion", "", 2, {1, 2, 3}}),
                       "confusion matrix: 3 counts for 2 classes", nn::Error);
}

}  // namespace report
