#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/schedules/schedule_csv.h"
#include "pipeline/schedules/simulate.h"

using namespace pipeline;

namespace {

constexpr Work F = Work::forward, B = Work::backward, W = Work::weights;

std::string golden(const std::string& name) {
  return nn::read_file("tests/golden/schedules/" + name + ".csv");
}

std::vector<int> stages_of(const Placement& placement) {
  std::vector<int> stages;
  stages.reserve(placement.parts());
  for (int part = 0; part < placement.parts(); ++part) stages.push_back(placement.stage(part));
  return stages;
}

bool is_same(const Plan& a, const Plan& b) {
  return a.microbatches == b.microbatches && a.stages == b.stages &&
         stages_of(a.placement) == stages_of(b.placement);
}

std::string refusal(const std::string& text) {
  try {
    parse_schedule_csv(text, "x.csv");
  } catch (const nn::InputError& error) {
    CHECK(!error.hint.empty());
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a row is a stage, a cell an action") {
  const Plan plan = parse_schedule_csv("0F0,,3F0,3I0,3W0,0I0,0W0\r\n1F0, 2F0 ,2B0,1B0\r\n", "x");
  CHECK(stages_of(plan.placement) == std::vector{0, 1, 1, 0});
  CHECK(plan.microbatches == 1);
  CHECK(plan.stages[0] ==
        Schedule{{F, 0, 0}, {F, 0, 1}, {B, 0, 1}, {W, 0, 1}, {B, 0, 0}, {W, 0, 0}});
  CHECK(plan.stages[1] ==
        Schedule{{F, 0, 0}, {F, 0, 1}, {B, 0, 1}, {W, 0, 1}, {B, 0, 0}, {W, 0, 0}});
  CHECK(to_csv(plan) == "0F0,3F0,3B0,0B0\n1F0,2F0,2B0,1B0\n");
}

TEST_CASE("cells about messages and shards are skipped") {
  const Plan plan = parse_schedule_csv(
      "0UNSHARD,0F0,0SEND_F0,0RECV_B0,0B0,0REDUCE_GRAD,0RESHARD\n1RECV_F0,1F0,1B0,1SEND_B0\n", "x");
  CHECK(to_csv(plan) == "0F0,0B0\n1F0,1B0\n");
}

TEST_CASE("weights wait for those of earlier microbatches") {
  const Plan plan = parse_schedule_csv("0F0,0F1,0F2,0I2,0W2,0B1,0B0", "x");
  CHECK(plan.stages[0] ==
        Schedule{{F, 0}, {F, 1}, {F, 2}, {B, 2}, {B, 1}, {B, 0}, {W, 0}, {W, 1}, {W, 2}});
}

TEST_CASE("every schedule is read back as it was written") {
  for (const ScheduleEntry& entry : schedule_table())
    for (const int stages : {1, 2, 3, 5})
      for (const int microbatches : {1, 2, 7})
        for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 3); ++chunks) {
          const Plan plan = entry.plan(stages, microbatches, chunks);
          CHECK(is_same(parse_schedule_csv(to_csv(plan), "x"), plan));
        }
}

TEST_CASE("PyTorch's schedules are read, and those that match ours are equal to them") {
  const auto read = [](const std::string& name) { return parse_schedule_csv(golden(name), name); };
  const auto ours = [](std::string_view name, int stages, int microbatches, int chunks) {
    return find_schedule(name)->plan(stages, microbatches, chunks);
  };
  CHECK(is_same(read("gpipe"), ours("gpipe", 3, 4, 1)));
  CHECK(read("1f1b").stages[3] == ours("1f1b", 4, 6, 1).stages[3]);
  CHECK(is_same(read("interleaved"), ours("interleaved", 2, 4, 2)));
  CHECK(stages_of(read("interleaved-zb").placement) == std::vector{0, 1, 2, 0, 1, 2});
  CHECK(stages_of(read("zb-v").placement) == std::vector{0, 1, 2, 2, 1, 0});
  const auto length = [](const Plan& plan) {
    return simulate(plan, uniform_costs(plan.placement.stages(), plan.placement.chunks())).length;
  };
  CHECK(length(ours("zb-v", 3, 6, 2)) <= length(read("zb-v")));
  CHECK(length(ours("interleaved-zb", 3, 6, 2)) <= length(read("interleaved-zb")));
  CHECK(length(ours("breadth-first", 2, 4, 2)) <= length(read("breadth-first")));
}

TEST_CASE("a file without a schedule is refused with its line and cell") {
  CHECK(refusal("0F0,0B0\n1F0,x,1B0") == "x.csv, line 2, cell 2: \"x\" is not an action");
  for (const std::string cell :
       {"F", "0", "0F", "F0", "0F0F", "0f0", "-1F0", "0F-1", "0 F0", "0SEND_F", "99999999999F0",
        "0F99999999999", "0F0;0F1", "0FF0", "\xff"})
    CHECK(refusal("0F0," + cell)
              .starts_with(cell == "0SEND_F" ? "x.csv: 1 actions" : "x.csv, line 1, cell 2: \""));
  CHECK(refusal("0F0,0B0\n\n0F1,0B1") == "x.csv, line 3, cell 1: part 0 is in row 1, too");
  CHECK(refusal("") == "x.csv: placement: stages must have equally many parts");
  CHECK(refusal("0F0,0B0\n2F0,2B0") == "x.csv: there is no part 1");
  CHECK(refusal("0F0,0B0\n1F0,1B0,2F0,2B0") ==
        "x.csv: placement: stages must have equally many parts");
  CHECK(refusal("0F0,0B0\n,,") == "x.csv: the last row has no action");
  CHECK(refusal("0F0,0I0") == "x.csv: 2 actions; 1 parts and 1 microbatches have 3");
  CHECK(refusal("0F0,0F60000,0B0") ==
        "x.csv: 4 actions; 1 parts and 60001 microbatches have 180003");
  CHECK(refusal("0F0,0F0,0I0") == "x.csv: stage 0 does the forward of microbatch 0 twice");
  CHECK(refusal("0B0,0F0") ==
        "x.csv: stage 0 does the backward of microbatch 0 before its forward");
  CHECK(refusal("0F0,0B0,0F1,0B1\n1F1,1B1,1F0,1B0") ==
        "x.csv: stage 0 waits for the gradient of microbatch 0 from stage 1, which waits for the "
        "activation of microbatch 1 from stage 0");
  CHECK(refusal(golden("1f1b-incomplete")).starts_with("x.csv: "));
}
