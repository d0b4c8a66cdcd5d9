#include "tools/training/scaling.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/base/split.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/search.h"
#include "tests/complaint.h"
#include "tools/training/costs_file.h"
#include "tools/training/link_text.h"
#include "tools/training/memory_limit.h"
#include "tools/training/scaling_report.h"

namespace training {

namespace {

MeasuredStep two_stages() {
  const pipeline::ChunkWork first{{1, 1, 1}, {{.number = 1, .bytes = 4e6}, {.bytes = 8e6}}};
  const pipeline::ChunkWork last{{1, 1, 1}, {{.number = 2, .update = 0.5, .bytes = 4e6}}};
  return {"1f1b",
          4,
          1,
          {{first}, {last}},
          1e6,
          {.link = {0.001, 1e-9},
           .group_link = {0.002, 2e-9},
           .action = 0.002,
           .carrying = 0.003,
           .spread = 0.004},
          {{5e6, 3e6, {2e6}, 12e6}, {4e6, 3e6, {1e6}, 9e6}}};
}

Scaling scaling_of(const MeasuredStep& step, int chunks = 1) {
  return {*pipeline::find_schedule(chunks == 1 ? "gpipe" : "interleaved"), chunks,
          even_chunks_of(step.stages, chunks), step.activation_bytes, step.cluster};
}

}  // namespace

TEST_CASE("a link is a latency and a speed with their units") {
  const pipeline::Link link = parse_link("--link", "10us,12.5GB/s");
  CHECK(link.latency == doctest::Approx(1e-5));
  CHECK(link.seconds_per_byte == doctest::Approx(1 / 12.5e9));
  CHECK(parse_link("--link", "0.5 ms, 100 Mbit/s").seconds_per_byte == doctest::Approx(8e-8));
  CHECK(parse_link("--link", "0s,1kB/s").latency == 0);
  for (const char* text :
       {"", "10,5", "10us", "10us,", "us,GB/s", "-1us,1GB/s", "1us,0GB/s", "1us,1GB/s,1",
        "nans,1GB/s", "1us,1e-320kB/s", "1e7s,1GB/s", "1us,infGB/s", "1 h,1GB/s", "1us,1GB"})
    CHECK(contains(complaint_of([&] { parse_link("--link", text); }),
                   "is not a latency and a speed"));
}

TEST_CASE("links are printed once if they do not differ") {
  pipeline::Cluster cluster{.link = {1e-5, 8e-11}};
  CHECK(text_of_links(cluster) == "a message takes 10.0 us and 0.080 s per GB");
  cluster.group_link = {5e-5, 1e-9};
  CHECK(text_of_links(cluster) ==
        "a message takes 10.0 us and 0.080 s per GB, between pipelines 50.0 us and 1.000 s per GB");
}

TEST_CASE("costs survive writing and reading") {
  const std::string text = to_json(two_stages());
  CHECK(to_json(parse_costs_json(text, "costs.json")) == text);
  const MeasuredStep step = parse_costs_json(text, "costs.json");
  CHECK(step.stages[0][0].blocks[1].bytes == 8e6);
  CHECK(step.stages[1][0].blocks[0].update == 0.5);
  CHECK(step.cluster.link == pipeline::Link{0.001, 1e-9});
  CHECK(step.cluster.group_link == pipeline::Link{0.002, 2e-9});
  CHECK(step.cluster.action == 0.002);
  CHECK(step.cluster.carrying == 0.003);
  CHECK(step.cluster.spread == 0.004);
  CHECK(step.memory[0].always() == 8e6);
  CHECK(step.memory[1].microbatch == std::vector<double>{1e6});
  CHECK(step.memory[1].peak == 9e6);
}

TEST_CASE("costs of a split head survive, too") {
  MeasuredStep step = two_stages();
  CHECK(!splits_head(step.stages));
  step.stages[1][0].costs.scores = 3;
  step.stages[1][0].costs.head = 2;
  step.stages[1][0].rows = pipeline::BlockWork{.number = 3, .update = 0.25, .bytes = 6e6};
  const std::string text = to_json(step);
  const MeasuredStep read = parse_costs_json(text, "costs.json");
  CHECK(splits_head(read.stages));
  CHECK(to_json(read) == text);
  CHECK(read.stages[1][0].costs.scores == 3);
  CHECK(read.stages[1][0].rows->update == 0.25);
}

TEST_CASE("costs from before memory was measured are read") {
  MeasuredStep step = two_stages();
  step.memory.clear();
  const std::string text = to_json(step);
  CHECK(text.find("memory") == text.npos);
  CHECK(parse_costs_json(text, "costs.json").memory.empty());
}

TEST_CASE("a limit on memory is in activations or in bytes") {
  CHECK(MemoryLimit("3").text() == "3 activations");
  CHECK(MemoryLimit("2.5").rooms(4, {})[3].limit == 2.5);
  CHECK(MemoryLimit("0.5 GB").text() == "0.5 GB");
  const std::vector<pipeline::Room> rooms = MemoryLimit("10MB").rooms(2, two_stages().memory);
  CHECK(rooms[0].limit == 2e6);
  CHECK(rooms[1].limit == 3e6);
  CHECK(rooms[1].sizes == std::vector<double>{1e6});
  CHECK(MemoryLimit("7000kB").rooms(2, two_stages().memory)[0].limit == -1e6);
  for (const char* text : {"4 0", "4 0MB", "4 M B", "4MB "})
    CHECK(
        contains(complaint_of([&] { MemoryLimit limit(text); }), "neither activations nor bytes"));
}

TEST_CASE("the limit that a complaint proposes is enough, with any number of digits") {
  const std::vector<pipeline::Costs> costs(2, pipeline::Costs{1, 1, 1});
  const auto search = [&](const std::string& text) {
    const MemoryLimit limit(text);
    const auto rooms = limit.rooms(2, {{1234567890, 1, {7654321}, 0}, {1, 1, {1}, 0}});
    limit.require_fit(pipeline::search_schedule(costs, rooms, 4, 2));
  };
  for (const char* unit : {"kB", "MB", "GB"}) {
    std::string proposed;
    try {
      search(nn::concat("0.123", unit));
    } catch (const nn::InputError& error) {
      proposed = nn::split(error.hint, ' ')[2];  // "give --memory 1.25GB or more"
    }
    CAPTURE(proposed);
    CHECK(contains(proposed, unit));
    CHECK(complaint_of([&] { search(proposed); }) == "nothing");
  }
}

TEST_CASE("the ends of the model are where a run had its first and last block") {
  CHECK(ends_of(two_stages().stages) == pipeline::Ends{0, 1});
  MeasuredStep as_v = two_stages();
  as_v.stages[0].push_back({{1, 1, 1}, {{.number = 3}}});
  CHECK(ends_of(as_v.stages) == pipeline::Ends{0, 0});
}

TEST_CASE("costs that were not measured are refused with what is wrong") {
  const std::string good = to_json(two_stages());
  const auto complaint = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != text.npos);
    text.replace(at, from.size(), to);
    return complaint_of([&] { parse_costs_json(text, "x.json"); });
  };
  CHECK(complaint("\"forward\": 1.0", "\"forward\": -1") == "x.json: forward is -1");
  CHECK(complaint("\"forward\": 1.0", "\"forward\": 1e99") == "x.json: forward is 1e+99");
  CHECK(complaint("\"forward\": 1.0", "\"forward\": \"1\"") == "x.json: forward is \"1\"");
  CHECK(complaint("\"backward\"", "\"other\"") == "x.json: has no backward");
  CHECK(complaint("\"group_link\"", "\"other\"") == "x.json: has no group_link");
  CHECK(complaint("\"seconds_per_byte\": 2e-09", "\"seconds_per_byte\": -1") ==
        "x.json: seconds_per_byte is -1");
  CHECK(complaint("\"microbatches\": 4", "\"microbatches\": 0") == "x.json: microbatches is 0");
  CHECK(complaint("\"microbatches\": 4", "\"microbatches\": 65536") ==
        "x.json: microbatches is 65536");
  CHECK(complaint("\"block\": 1", "\"block\": 1.5") == "x.json: block is 1.5");
  CHECK(complaint("\"block\": 1", "\"block\": 1e15") == "x.json: block is 1e+15");
  CHECK(complaint("\"share\": 1.0", "\"share\": 2") == "x.json: share is 2");
  CHECK(complaint("\"schedule\": \"1f1b\"", "\"schedule\": 1") == "x.json: schedule is not a name");
  CHECK(complaint("\"rest\"", "\"other\"") == "x.json: has no rest");
  CHECK(complaint("2000000.0\n", "-1\n") == "x.json: microbatch is -1");
  CHECK(complaint("2000000.0\n", "1, 2\n") == "x.json: microbatch has another number of chunks");
  CHECK(contains(complaint("\"memory\": [", "\"memory\": [1, "), "x.json: has 1 as an entry"));
  CHECK(complaint("\"memory\": [", "\"memory\": [], \"other\": [") ==
        "x.json: memory has other stages");
  CHECK(complaint("\"memory\": [", "\"memory\": 1, \"other\": [") ==
        "x.json: memory is not a list");
  CHECK(contains(complaint("[\n  [", "[\n 1, ["), "a stage is not a list of chunks"));
  CHECK(contains(complaint_of([] { parse_costs_json("", "x.json"); }), "x.json"));
  CHECK(contains(complaint_of([] { read_costs("no-such.json"); }), "there are no costs in"));
}

TEST_CASE("more pipelines take the time of one, and of a ring") {
  const Scaling scaling = scaling_of(two_stages());
  const ScalePoint one = scaling.at(1, 4), eight = scaling.at(8, 32);
  CHECK(eight.microbatches == 4);
  CHECK(eight.prediction.length > one.prediction.length);
  CHECK(eight.prediction.length < one.prediction.length + 0.2);
  CHECK(eight.speed_up > 7 * one.speed_up);
  // Activations of 4 microbatches, and 14 eighths of the gradients of the first stage.
  CHECK(one.prediction.bytes[0] == doctest::Approx(4e6));
  CHECK(eight.prediction.bytes[0] == doctest::Approx(4e6 + 14.0 / 8 * 12e6));
  CHECK(scaling.at(3, 10).microbatches == 4);
}

TEST_CASE("chunks share what their stage costs") {
  const pipeline::StageWork halves = even_chunks_of(two_stages().stages, 2);
  REQUIRE(halves[0].size() == 2);
  CHECK(halves[0][0].costs.forward == 0.5);
  CHECK(halves[0][1].blocks[1].bytes == 4e6);
  CHECK(halves[1][1].blocks[0].update == 0.25);
  CHECK(even_chunks_of(halves, 1)[0][0].costs.sum() == 3);
  CHECK(scaling_of(two_stages(), 2).at(1, 8).prediction.length <
        scaling_of(two_stages()).at(1, 8).prediction.length);
}

TEST_CASE("a run's chunks are kept where the schedule places them alike") {
  const pipeline::BlockWork tied{.bytes = 8, .tied_bytes = 4};
  MeasuredStep step = two_stages();
  step.schedule = "zb-v";
  step.stages = {{{{1, 1, 1}, {tied}}, {{3, 3, 3}, {tied}}}, {{{1, 1, 1}, {}}, {{1, 1, 1}, {}}}};
  const auto forward = [&](const char* schedule) {
    return chunks_for(step, *pipeline::find_schedule(schedule), 2)[0][0].costs.forward;
  };
  CHECK(forward("v-min") == 1);
  CHECK(forward("interleaved") == 2);
}

TEST_CASE("costs of nothing make no step") {
  MeasuredStep step = two_stages();
  step.cluster = {};
  for (auto& stage : step.stages) stage[0] = {{0, 0, 0}, {}};
  CHECK(complaint_of([&] { scaling_of(step).at(1, 4); }) == "these costs make no step");
}

TEST_CASE("so many microbatches that an int cannot count them are predicted") {
  const ScalePoint point = scaling_of(two_stages()).at(1 << 20, std::int64_t{4096} << 20);
  CHECK(point.microbatches == 4096);
  CHECK(point.speed_up > 1 << 20);
}

TEST_CASE("a batch that stays the same is not shared by more pipelines than it has microbatches") {
  CHECK(pipelines_up_to(1) == std::vector<int>{1});
  CHECK(pipelines_up_to(6) == std::vector<int>{1, 2, 4, 6});
  const ScalingReport report = scaling_report(scaling_of(two_stages()), 13, 4, 5);
  CHECK(report.title == "12 of 13 ranks: 6 pipelines of 2 stages, gpipe");
  CHECK(scaling_report(scaling_of(two_stages()), 2, 4, 5).title ==
        "2 ranks: 1 pipeline of 2 stages, gpipe");
  CHECK(report.weak.rows.size() == 4);
  CHECK(report.strong.rows.size() == 3);
  CHECK(report.weak.rows.back()[0] == "12");
  CHECK(report.weak.rows.back()[1] == "24");
  CHECK(report.strong.rows.back()[1] == "5");
  CHECK(report.efficiency.series[0].y[0] > report.efficiency.series[0].y[3]);
}

}  // namespace training
