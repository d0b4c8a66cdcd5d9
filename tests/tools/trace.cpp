#include <doctest/doctest.h>

#include <fstream>

#include "nn/base/error.h"
#include "tools/program/temporary_folder.h"
#include "tools/training/lanes.h"

namespace training {

using pipeline::Kind;

namespace {

const std::vector<RankEvent> events{{0, {Kind::forward, 2, 1, 0, 10.0, 10.5}},
                                    {0, {Kind::wait, 2, 1, 0, 10.5, 11.0}},
                                    {1, {Kind::backward, 2, 1, 1, 10.25, 11.25}},
                                    {1, {Kind::reduce, 2, 7, 0, 11.0, 11.5}}};

}  // namespace

TEST_CASE("a trace is read back as it was written") {
  const tools::TemporaryFolder folder;
  write_trace(folder.path / "trace.csv", events);
  const std::vector<RankEvent> read = read_trace(folder.path / "trace.csv");
  REQUIRE(read.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    CHECK(read[i].rank == events[i].rank);
    CHECK(read[i].event.kind == events[i].event.kind);
    CHECK(read[i].event.step == events[i].event.step);
    CHECK(read[i].event.item == events[i].event.item);
    CHECK(read[i].event.chunk == events[i].event.chunk);
    CHECK(read[i].event.start == doctest::Approx(events[i].event.start));
    CHECK(read[i].event.end == doctest::Approx(events[i].event.end));
  }
}

TEST_CASE("what is not a trace is refused with its line") {
  const tools::TemporaryFolder folder;
  const std::string header = "Rank,Kind,Step,Item,Chunk,Start,End\n";
  for (const std::string& text :
       {std::string(), std::string("Step,Loss\n1,2\n"), header + "0,dance,1,1,0,1,2\n",
        header + "0,forward,1,1,0,1\n", header + "0,forward,1,1,0,1,2,3\n",
        header + "x,forward,1,1,0,1,2\n", header + "-1,forward,1,1,0,1,2\n",
        header + "4096,forward,1,1,0,1,2\n", header + "0,forward,1,-1,0,1,2\n",
        header + "0,forward,1,1,0,2,1\n", header + "0,forward,1,1,0,1,1e300\n",
        header + "0,forward,1,1,2147483647,1,2\n"}) {
    CAPTURE(text);
    std::ofstream(folder.path / "bad.csv") << text;
    CHECK_THROWS_AS(read_trace(folder.path / "bad.csv"), nn::InputError);
  }
}

TEST_CASE("the JSON for Chrome has an event for each, in microseconds, and names the ranks") {
  const std::string json = to_chrome_json(events, 10);
  CHECK(json.find(R"({"name":"backward 1","ph":"X","pid":1,"tid":0,"ts":250000.0,)"
                  R"("dur":1000000.0,"args":{"step":2,"chunk":1}})") != std::string::npos);
  CHECK(json.find(R"("args":{"name":"rank 1"})") != std::string::npos);
}

TEST_CASE("lanes are cut to the time asked for, and waiting is not work") {
  const auto lanes = lanes_between(events, 10.4, 11.0);
  REQUIRE(lanes.size() == 2);
  REQUIRE(lanes[0].bars.size() == 2);
  CHECK(lanes[0].bars[0].start == doctest::Approx(0));
  CHECK(lanes[0].bars[0].end == doctest::Approx(0.1));
  CHECK(lanes[1].bars.size() == 1);
  CHECK(busy_seconds(events, 0, 10, 12) == doctest::Approx(0.5));
  CHECK(busy_seconds(events, 1, 10, 11) == doctest::Approx(0.75));
}

// A step of B1 has about 40 events on each rank and takes half a second: 2 % of it are 250 us an
// event.
TEST_CASE("an event costs next to nothing") {
  pipeline::Trace trace(true);
  const double start = pipeline::processor_time();
  for (int i = 0; i < 100'000; ++i) {
    const double event_start = pipeline::wall_time();
    trace.add(Kind::forward, 1, i, 0, event_start, pipeline::wall_time());
  }
  CHECK(trace.events().size() == 100'000);
  CHECK((pipeline::processor_time() - start) / 100'000 < 5e-6);
}

TEST_CASE("a stopwatch does not count sleeping") {
  const pipeline::Stopwatch stopwatch;
  const double start = pipeline::wall_time();
  while (pipeline::wall_time() - start < 0.05) {
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  CHECK(stopwatch.seconds() < 0.03);
}

}  // namespace training
