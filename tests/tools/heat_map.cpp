#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/federated/partition_picture.h"
#include "tools/report/heat_map.h"

TEST_CASE("a heat map has a cell for every number but 0, and the largest is solid") {
  const std::string svg =
      report::to_svg(report::HeatMap{"A & B", "client", "label", {{4, 0, 1}, {0, 2, 8}}});
  CHECK(contains(svg, "A &amp; B"));
  CHECK(count(svg, "<rect ") == 4);
  CHECK(contains(svg, "fill-opacity=\"1.00\" style=\"stroke:none\"><title>client 1, label 2: 8<"));
  CHECK(contains(svg, "fill-opacity=\"0.55\" style=\"stroke:none\"><title>client 0, label 0: 4<"));
  CHECK_THROWS_AS(report::to_svg(report::HeatMap{"", "", "", {{1, 2}, {3}}}), nn::Error);
  CHECK(count(report::to_svg(report::HeatMap{"", "", "", {}}), "<rect ") == 0);
}

TEST_CASE("the picture of a partition shows every client's labels") {
  federated::Experiment experiment;
  experiment.clients = 4;
  experiment.partition = {.split = fl::Split::labels, .labels_per_client = 1};
  const std::string svg = federated::partition_svg(toy::images(100, 1), experiment);
  CHECK(contains(svg, "labels(1)"));
  CHECK(count(svg, "<rect ") == 4);
  for (const char* cell : {"client 0, label 0: ", "client 3, label 3: "})
    CHECK(contains(svg, cell));
}

TEST_CASE("of many clients the picture of a partition shows the first 200") {
  federated::Experiment experiment;
  experiment.clients = 300;
  const std::string svg = federated::partition_svg(toy::images(3000, 1), experiment);
  CHECK(contains(svg, "the first 200 of 300 clients"));
  CHECK(contains(svg, "client 199, label"));
  CHECK(!contains(svg, "client 200, label"));
}
