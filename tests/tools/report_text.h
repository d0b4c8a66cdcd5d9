#pragma once

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/complaint.h"
#include "tools/report/document.h"

// An example of a plot, and checks of written reports.
namespace report {

inline LinePlot plot_of(std::vector<Series> series) {
  return {"plot1", "Accuracy", "Round", "Test accuracy (%)", std::move(series)};
}

inline LinePlot example_plot() {
  return plot_of({{"FedSGD", {1, 2, 3}, {8.8, 13.5, 18.2}}, {"FedAvg", {1, 2, 3}, {30.3, 48, 93}}});
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Every tag is closed in the right order and no stray < or & is left.
inline void check_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
      CHECK_MESSAGE(
          (entity == "&amp;" || entity == "&lt;" || entity == "&gt;" || entity == "&quot;"),
          entity);
    }
    if (xml[i] != '<') continue;
    const std::size_t end = xml.find('>', i);
    REQUIRE(end != xml.npos);
    const std::string tag = xml.substr(i + 1, end - i - 1);
    REQUIRE(!contains(tag, "<"));
    CHECK(count(tag, "\"") % 2 == 0);
    if (tag[0] == '/') {
      REQUIRE(!open.empty());
      CHECK(tag.substr(1) == open.back());
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    }
  }
  CHECK(open.empty());
}

}  // namespace report
