#include <doctest/doctest.h>

#include <algorithm>

#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tools/training/lanes.h"

namespace pipeline {
using report::Glyphs, report::Lane, report::to_svg, report::to_text;
using training::bar_kind, training::lanes_of;

namespace {

const report::BarKind forward = bar_kind(Kind::forward), weights = bar_kind(Kind::weights);

using Lines = std::vector<std::string>;

Lines draw_letters(const std::vector<Lane>& lanes, int columns = 80, double length = 0) {
  return to_text(lanes, Glyphs::letters, columns, length);
}

Lines draw_labels(const std::vector<Lane>& lanes) { return to_text(lanes, Glyphs::labels); }

Timeline run(std::string_view schedule, int stages, int microbatches, Costs costs = {}) {
  return simulate(find_schedule(schedule)->plan(stages, microbatches),
                  uniform_costs(stages, 1, costs));
}

const std::vector<Lane> every_kind{{"rank 0",
                                    {{0, 2, bar_kind(Kind::forward), "7"},
                                     {2, 4, bar_kind(Kind::backward), "7", 1},
                                     {4, 6, bar_kind(Kind::weights), "7"},
                                     {6, 8, bar_kind(Kind::wait), ""},
                                     {1, 3, bar_kind(Kind::send), "7"},
                                     {3, 5, bar_kind(Kind::receive), "8"},
                                     {8, 10, bar_kind(Kind::reduce), ""},
                                     {10, 12, bar_kind(Kind::update), ""}}}};

}  // namespace

TEST_CASE("times that are multiples of a unit have one column per unit, whatever the unit") {
  const Lines expected{"FF.BWFBW.BW", ".FBWFBWFBW"};
  for (const double unit : {1.0, 2.0, 0.1, 1e-6, 1e6})
    CHECK(draw_letters(lanes_of(run("1f1b", 2, 3, {unit, unit, unit}))) == expected);
  CHECK(draw_letters(lanes_of(run("1f1b", 2, 2, {0.1, 0.2, 0.3}))) ==
        Lines{"FF..BBWWW.BBWWW", ".FBBWWWFBBWWW"});
}

TEST_CASE("other times are scaled to the columns, each of which shows what takes most of it") {
  const Timeline timeline = run("1f1b", 2, 3, {0.1234567, 0.2618, 0.3141});
  const Lines lines = draw_letters(lanes_of(timeline), 60);
  for (const std::string& line : lines) CHECK(line.size() <= 60);
  CHECK(lines[0].size() == 60);  // the first stage ends last
  for (std::size_t stage = 0; stage < lines.size(); ++stage) {
    const double busy = timeline.busy(static_cast<int>(stage)) / timeline.length * 60;
    const auto idle = std::ranges::count(lines[stage], '.') + 60 - lines[stage].size();
    CHECK(60 - static_cast<double>(idle) == doctest::Approx(busy).epsilon(0.05));
  }
  CHECK(draw_letters({{"", {{0, 0.4, forward}, {0.7, 0.9, weights}}}}, 1) == Lines{"F"});
  CHECK(draw_letters({{"", {{0.4, 0.6, forward}}}}, 1, 1.3) == Lines{""});
}

TEST_CASE("a step too long for one column per unit is scaled") {
  for (const std::string& line : draw_letters(lanes_of(run("1f1b", 4, 40))))
    CHECK(line.size() <= 80);
}

TEST_CASE("a common length draws two timelines on one scale") {
  const std::vector<Lane> lanes{{"", {{0, 5, forward}}}};
  CHECK(draw_letters(lanes, 10, 10) == Lines{"F"});
  CHECK(draw_letters(lanes, 10, 7) == Lines{"FFFFF"});
  CHECK(draw_letters(lanes, 10, 7.0001) == Lines{"FFFFFFF"});
  CHECK(draw_letters(lanes, 4, 10) == Lines{"F"});
}

TEST_CASE("labels replace letters") {
  CHECK(draw_labels(lanes_of(run("1f1b", 2, 3))) == Lines{"01.00211.22", ".000111222"});
  const auto twelve = draw_labels(lanes_of(run("gpipe", 1, 12)));
  CHECK(twelve == Lines{"012345678901001122334455667788990011"});
}

TEST_CASE("a text shows work and reductions; sending, receiving and waiting are idle") {
  CHECK(draw_letters(every_kind) == Lines{"FFbbWW..RRUU"});
  CHECK(draw_labels(every_kind) == Lines{"777777..    "});
}

TEST_CASE("a picture of nothing is empty") {
  CHECK(draw_letters({}) == Lines{});
  CHECK(draw_letters({{"stage 0", {}}}) == Lines{""});
  CHECK(contains(to_svg({}, "nothing", "s"), "</svg>"));
  CHECK_THROWS_AS(draw_letters({}, 0), nn::Error);
}

TEST_CASE("lanes carry the stage, the microbatch and the chunk") {
  const Timeline timeline =
      simulate(find_schedule("interleaved")->plan(2, 2, 2), uniform_costs(2, 2));
  const std::vector<Lane> lanes = lanes_of(timeline);
  REQUIRE(lanes.size() == 2);
  CHECK(lanes[1].name == "stage 1");
  REQUIRE(lanes[1].bars.size() == 12);
  CHECK(lanes[1].bars[2].kind.name == "forward");
  CHECK(lanes[1].bars[2].label == "0");
  CHECK(lanes[1].bars[2].chunk == 1);
}

TEST_CASE("an SVG has every bar with its tooltip, every row's name and the kinds that occur") {
  const std::string svg = to_svg(lanes_of(run("zb-h1", 4, 8)), "zb-h1", "ticks");
  CHECK(count(svg, "<rect class=\"forward\"") == 4 * 8 + 1);
  CHECK(count(svg, "<rect class=\"backward\"") == 4 * 8 + 1);
  CHECK(count(svg, "<rect class=\"weights\"") == 4 * 8 + 1);
  CHECK(count(svg, "<rect class=\"wait\"") == 0);
  CHECK(contains(svg, "<title>forward 0: 0 to 1 ticks</title>"));
  CHECK(contains(svg, ">stage 3</text>"));
  CHECK(count(svg, "class=\"label\">7</text>") == 4 * 3);
  CHECK(contains(svg, "prefers-color-scheme:dark"));
}

TEST_CASE("an SVG shows all kinds and marks later chunks") {
  const std::string svg = to_svg(every_kind, "all", "s");
  for (int kind = 0; kind <= static_cast<int>(Kind::wait); ++kind)
    CHECK(count(svg, nn::concat("<rect class=\"", name_of(static_cast<Kind>(kind)), "\"")) == 2);
  CHECK(contains(svg, "<title>backward 7, chunk 1: 2 to 4 s</title>"));
  CHECK(count(svg, "fill-opacity") == 1);
}

TEST_CASE("labels are left out of bars that are too narrow for them") {
  std::vector<Lane> lanes{{"a", {{0, 1, forward, "1"}, {1, 1000, weights, "2"}}}};
  const std::string svg = to_svg(lanes, "", "s");
  CHECK(count(svg, "class=\"label\">1</text>") == 0);
  CHECK(count(svg, "class=\"label\">2</text>") == 1);
}

TEST_CASE("markup in titles, names, labels and units is escaped") {
  const std::string svg = to_svg({{"<a>", {{0, 1, forward, "<b>"}}}}, "\"c\" & <d>", "<e>");
  for (const char* raw : {"<a>", "<b>", "<d>", "<e>", "& "}) CHECK(!contains(svg, raw));
  CHECK(contains(svg, "&quot;c&quot; &amp; &lt;d&gt;"));
}

TEST_CASE("bars that run backwards or forever are refused") {
  for (const auto& [start, end] : {std::pair{2.0, 1.0}, {-1.0, 1.0}, {0.0, 1.0 / 0.0}})
    CHECK_THROWS_AS(to_svg({{"stage 0", {{start, end, forward}}}}, "", ""), nn::Error);
}

}  // namespace pipeline
