#include <doctest/doctest.h>

#include <limits>

#include "pipeline/schedules/simulate.h"

namespace pipeline {

namespace {

constexpr Work F = Work::forward, B = Work::backward, W = Work::weights;

Plan plan_of(std::vector<Schedule> lists, int microbatches, int chunks = 1) {
  return {Placement::loop(static_cast<int>(lists.size()), chunks), microbatches, std::move(lists)};
}

Timeline run(const std::vector<Schedule>& schedules, int microbatches, int chunks = 1) {
  return simulate(plan_of(schedules, microbatches, chunks),
                  uniform_costs(static_cast<int>(schedules.size()), chunks));
}

std::string complaint(const std::vector<Schedule>& schedules, int microbatches, int chunks = 1) {
  try {
    run(schedules, microbatches, chunks);
  } catch (const BadSchedule& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an action starts as soon as its stage is free and its input is there") {
  const Schedule list{{F, 0}, {B, 0}, {W, 0}};
  const StageCosts costs{{{1, 2, 3}}, {{4, 5, 6}}};
  const Timeline timeline = simulate(plan_of({list, list}, 1), costs, 0.5);
  const auto at = [&](int stage, int i) { return timeline.stages[stage][i]; };
  CHECK(at(0, 0).start == 0);
  CHECK(at(0, 0).end == 1);
  CHECK(at(1, 0).start == 1.5);
  CHECK(at(1, 1).start == 5.5);
  CHECK(at(1, 1).end == 10.5);
  CHECK(at(0, 1).start == 11);
  CHECK(at(1, 2).end == 16.5);
  CHECK(at(0, 2).end == 16);
  CHECK(timeline.length == 16.5);
  CHECK(timeline.busy(0) == 6);
  CHECK(timeline.idle(0) == 10.5);
  CHECK(timeline.idle(1) == 1.5);
  CHECK(timeline.work() == 21);
  CHECK(timeline.idle_share() == doctest::Approx(12.0 / 33));
}

TEST_CASE("stages at work share the cores evenly") {
  const Schedule list{{F, 0}, {B, 0}, {W, 0}};
  const StageCosts costs{{{1, 2, 3}}, {{4, 5, 6}}};
  const Timeline timeline = simulate(plan_of({list, list}, 1), costs, 0.5, 1);
  const auto at = [&](int stage, int i) { return timeline.stages[stage][i]; };
  CHECK(at(1, 0).start == 1.5);  // alone until here, and until the gradient is there
  CHECK(at(1, 1).end == 10.5);
  CHECK(at(0, 1).start == 11);
  CHECK(at(0, 1).end == doctest::Approx(15));  // two at work: 2 take 4
  CHECK(at(0, 2).end == doctest::Approx(21));
  CHECK(timeline.length == doctest::Approx(21.5));
}

TEST_CASE("more cores than stages do not help, and one core does all the work by itself") {
  for (const ScheduleEntry& entry : schedule_table()) {
    const Plan plan = entry.plan(4, 8, entry.least_chunks);
    StageCosts costs = uniform_costs(4, entry.least_chunks, {1, 2, 1.5});
    costs[2][0] = {0, 3, 0.25};
    const auto on = [&](double cores) { return simulate(plan, costs, 0, cores); };
    const double work = on(0).work();
    CHECK(on(4).length == on(0).length);
    CHECK(on(3.9).length >= on(0).length * (1 - 1e-12));
    CHECK(on(2).length >= on(3).length * (1 - 1e-12));
    CHECK(on(1).length == doctest::Approx(work));
    CHECK(on(0.5).length == doctest::Approx(2 * work));
  }
}

TEST_CASE("sharing cores does not hide stages that wait for each other") {
  const Plan plan = plan_of({{{F, 0}, {B, 0}, {W, 0}, {F, 1}, {B, 1}, {W, 1}},
                             {{F, 1}, {B, 1}, {W, 1}, {F, 0}, {B, 0}, {W, 0}}},
                            2);
  CHECK_THROWS_AS(simulate(plan, uniform_costs(2, 1), 0, 1), BadSchedule);
}

TEST_CASE("messages take no time between chunks of one stage") {
  const Schedule list{{F, 0, 0}, {F, 0, 1}, {B, 0, 1}, {W, 0, 1}, {B, 0, 0}, {W, 0, 0}};
  CHECK(simulate(plan_of({list}, 1, 2), uniform_costs(1, 2), 100).length == 6);
}

TEST_CASE("activations are held from the forward to the weights") {
  const Schedule list{{F, 0}, {F, 1}, {B, 0}, {B, 1}, {W, 0}, {F, 2}, {W, 1}, {B, 2}, {W, 2}};
  CHECK(run({list}, 3).peak_in_flight(0) == 2);
}

TEST_CASE("stages that would deadlock are named with what they wait for") {
  const Schedule first{{F, 0}, {B, 0}, {W, 0}, {F, 1}, {B, 1}, {W, 1}};
  const Schedule last{{F, 0}, {F, 1}, {B, 0}, {W, 0}, {B, 1}, {W, 1}};
  CHECK(complaint({first, last}, 2) ==
        "stage 0 waits for the gradient of microbatch 0 from stage 1, which waits for the "
        "activation of microbatch 1 from stage 0");
}

TEST_CASE("stages that merely wait for a deadlocked pair are not named") {
  const Schedule patient{{F, 0}, {F, 1}, {B, 0}, {W, 0}, {B, 1}, {W, 1}};
  const Schedule eager{{F, 0}, {B, 0}, {W, 0}, {F, 1}, {B, 1}, {W, 1}};
  CHECK(complaint({patient, eager, patient}, 2) ==
        "stage 1 waits for the gradient of microbatch 0 from stage 2, which waits for the "
        "activation of microbatch 1 from stage 1");
}

TEST_CASE("a longer cycle is named from its first stage on") {
  const Schedule zero{{F, 0, 0}, {F, 0, 1}, {F, 1, 0}, {F, 1, 1}, {B, 0, 1}, {W, 0, 1},
                      {B, 0, 0}, {W, 0, 0}, {B, 1, 1}, {W, 1, 1}, {B, 1, 0}, {W, 1, 0}};
  const Schedule one{{F, 0, 0}, {F, 1, 0}, {F, 0, 1}, {F, 1, 1}, {B, 0, 1}, {W, 0, 1},
                     {B, 0, 0}, {W, 0, 0}, {B, 1, 1}, {W, 1, 1}, {B, 1, 0}, {W, 1, 0}};
  const Schedule two{{F, 1, 0}, {F, 0, 0}, {F, 0, 1}, {F, 1, 1}, {B, 0, 1}, {W, 0, 1},
                     {B, 0, 0}, {W, 0, 0}, {B, 1, 1}, {W, 1, 1}, {B, 1, 0}, {W, 1, 0}};
  CHECK(complaint({zero, one, two}, 2, 2) ==
        "stage 0 waits for the activation of microbatch 0 in chunk 0 from stage 2, which waits for "
        "the activation of microbatch 1 in chunk 0 from stage 1, which waits for the activation of "
        "microbatch 1 in chunk 0 from stage 0");
}

TEST_CASE("a stage that waits for itself is named") {
  const Schedule list{{F, 0, 1}, {F, 0, 0}, {B, 0, 1}, {W, 0, 1}, {B, 0, 0}, {W, 0, 0}};
  CHECK(complaint({list}, 1, 2) ==
        "stage 0 waits for the activation of microbatch 0 in chunk 0 from stage 0");
}

TEST_CASE("a list that breaks its own promises is refused with the action at fault") {
  const Schedule good{{F, 0}, {B, 0}, {W, 0}};
  const auto second = [&](const Schedule& list) { return complaint({good, list}, 1); };
  CHECK(second(good) == "");
  CHECK(second({}) == "stage 1 never does the forward of microbatch 0");
  CHECK(second({{F, 0}, {B, 0}}) == "stage 1 never does the weights of microbatch 0");
  CHECK(second({{F, 0}, {F, 0}, {B, 0}, {W, 0}}) ==
        "stage 1 does the forward of microbatch 0 twice");
  CHECK(second({{F, 0}, {B, 0}, {W, 0}, {B, 0}}) ==
        "stage 1 does the backward of microbatch 0 twice");
  CHECK(second({{B, 0}, {F, 0}, {W, 0}}) ==
        "stage 1 does the backward of microbatch 0 before its forward");
  CHECK(second({{F, 0}, {W, 0}, {B, 0}}) ==
        "stage 1 does the weights of microbatch 0 before its backward");
  CHECK(second({{F, 0}, {F, 1}, {B, 0}, {W, 0}}) ==
        "stage 1 does the forward of microbatch 1, which does not exist (microbatches: 1, chunks: "
        "1)");
  CHECK(second({{F, -1}}) ==
        "stage 1 does the forward of microbatch -1, which does not exist (microbatches: 1, chunks: "
        "1)");
  CHECK(second({{F, 0, 1}}) ==
        "stage 1 does the forward of microbatch 0, which does not exist (microbatches: 1, chunks: "
        "1)");
  CHECK(complaint({{{F, 0}, {F, 1}, {B, 1}, {W, 1}, {B, 0}, {W, 0}}}, 2) ==
        "stage 0 does the weights of microbatch 1 out of turn: gradients add up in ascending "
        "microbatches");
  CHECK(complaint({good}, 1, 2) == "stage 0 never does the forward of microbatch 0 in chunk 1");
}

TEST_CASE("costs that are missing, negative or not a number are refused") {
  const Plan plan = plan_of({{{F, 0}, {B, 0}, {W, 0}}}, 1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(simulate(plan, {{{0, 0, 0}}}));
  CHECK_THROWS_AS(simulate(plan, {}), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, {{}}), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, uniform_costs(2, 1)), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, {{{1, -1, 1}}}), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, {{{1, 1, nan}}}), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, {{{1 / 0.0, 1, 1}}}), std::invalid_argument);
  CHECK_THROWS_AS(simulate(plan, uniform_costs(1, 1), -1), std::invalid_argument);
  for (const int microbatches : {0, -1})
    CHECK_THROWS_AS(simulate({plan.placement, microbatches, plan.stages}, uniform_costs(1, 1)),
                    std::invalid_argument);
  CHECK_THROWS_AS(simulate({plan.placement, 1, {}}, uniform_costs(1, 1)), std::invalid_argument);
}

TEST_CASE("messages follow the placement of the parts") {
  const Schedule list{{F, 0, 0}, {F, 0, 1}, {B, 0, 1}, {W, 0, 1}, {B, 0, 0}, {W, 0, 0}};
  const auto length = [&](const Placement& placement) {
    return simulate({placement, 1, {list, list}}, uniform_costs(2, 2), 100).length;
  };
  CHECK(length(Placement::v(2, 2)) == 410);
  CHECK(length(Placement::loop(2, 2)) == 609);
}

}  // namespace pipeline
