#include "pipeline/members/epoch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "nn/base/error.h"

namespace pipeline {

namespace {

using Pipelines = std::vector<int>;

constexpr int stages = 2;
const Shape shape{.stages = stages, .pipelines = 3, .most_pipelines = 9};

// Six processes "s0" to "s5", which reach each other: three pipelines of two stages. All of them
// wait, and those of the last epoch have done ten steps.
struct World {
  Epoch last{.number = 4, .done = 7};
  std::vector<Presence> alive;

  World() {
    for (int seat = 0; seat < 6; ++seat) {
      alive.push_back({.seat = seat,
                       .id = nn::concat('s', seat),
                       .epoch = 4,
                       .is_waiting = true,
                       .done = 10,
                       .result = "a"});
      last.members.push_back({seat, nn::concat('s', seat), true});
      for (int other = 0; other < 6; ++other)
        if (other != seat) alive[seat].reached.insert(nn::concat('s', other));
    }
  }
  void lose(int seat) {
    std::erase_if(alive, [seat](const Presence& each) { return each.seat == seat; });
  }
  Presence& process(int seat) { return *std::ranges::find(alive, seat, &Presence::seat); }
  void make_new(int seat) {  // another process takes the place of a lost one
    const std::string old = std::exchange(process(seat).id, nn::concat('n', seat));
    process(seat).epoch = 0, process(seat).done.reset();
    for (Presence& each : alive)
      if (each.reached.erase(old) > 0) each.reached.insert(process(seat).id);
  }
  void cut(int from, int to) {
    process(from).reached.erase(nn::concat('s', to));
    process(from).unreached.insert(nn::concat('s', to));
  }
  std::optional<Epoch> next(bool is_late = false) const {
    return next_epoch(last, shape, alive, is_late);
  }
  Pipelines members(bool is_late = false) const {
    const std::optional<Epoch> epoch = next(is_late);
    return epoch ? epoch->pipelines(stages) : Pipelines();
  }
};

}  // namespace

TEST_CASE("presences and epochs are what they were after they have been written") {
  World world;
  world.cut(1, 2);
  world.process(1).is_prepared = true;
  const std::optional<Presence> presence = parse_presence(to_text(world.process(1)));
  REQUIRE(presence);
  CHECK(to_text(*presence) == to_text(world.process(1)));
  CHECK(presence->unreached == std::set<std::string>{"s2"});
  const std::optional<Epoch> epoch = parse_epoch(to_text(*world.next()));
  REQUIRE(epoch);
  CHECK(to_text(*epoch) == to_text(*world.next()));
  CHECK_FALSE(parse_epoch(to_text(*epoch).substr(0, 40)));
  CHECK_FALSE(parse_presence("seat x\nend\n"));
}

TEST_CASE("presences and epochs have no negative number, and none that cannot be increased") {
  const World world;
  const std::string text = to_text(world.alive[1]), epoch = to_text(*world.next());
  const auto with = [](std::string in, std::string_view what, std::string_view other) {
    return in.replace(in.find(what), what.size(), other);
  };
  CHECK(parse_presence(with(text, "done 10", "done 2147483646")));
  for (const char* const number : {"-1", "2147483647"}) {
    CHECK_FALSE(parse_presence(with(text, "seat 1", nn::concat("seat ", number))));
    CHECK_FALSE(parse_presence(with(text, "done 10", nn::concat("done ", number))));
    CHECK_FALSE(parse_epoch(with(epoch, "epoch 5", nn::concat("epoch ", number))));
    CHECK_FALSE(parse_epoch(with(epoch, "member 1", nn::concat("member ", number))));
  }
}

TEST_CASE("the first epoch waits for all seats") {
  World world;
  world.last = {};
  for (int seat = 0; seat < 6; ++seat) world.make_new(seat);
  CHECK(world.members() == Pipelines{0, 1, 2});
  CHECK_FALSE(world.next()->done);
  CHECK(world.next()->why == "start");
  world.lose(3);
  CHECK(world.members().empty());
  CHECK(world.members(true) == Pipelines{0, 2});
}

TEST_CASE("pipelines that have lost a stage leave, and the others keep their state") {
  for (int lost = 0; lost < 6; ++lost) {
    World world;
    world.lose(lost);
    Pipelines left{0, 1, 2};
    std::erase(left, lost / stages);
    CHECK(world.members() == left);
    CHECK(world.next()->done == 10);
    CHECK(world.next()->why == nn::concat("pipeline ", lost / stages, " left"));
  }
}

TEST_CASE("a step that one process has done counts, as all others are prepared for it") {
  World world;
  for (Presence& each : world.alive) each.is_prepared = true;
  CHECK(world.next()->done == 10);
  world.process(1).done = 11;
  world.process(1).is_prepared = false;
  world.process(1).result = "b";
  CHECK(world.next()->done == 11);
  CHECK(world.next()->result == "b");
  world.lose(0);  // its pipeline leaves, but not what it did
  CHECK(world.next()->done == 11);
  CHECK(world.members() == Pipelines{1, 2});
}

TEST_CASE("a state of an earlier epoch is void") {
  World world;
  world.last.members.erase(world.last.members.begin(), world.last.members.begin() + stages);
  world.process(0).epoch = 3;
  world.process(0).done = 12;
  CHECK(world.next()->done == 10);
  CHECK(world.members() == Pipelines{1, 2, 0});  // it gets a new one
  CHECK_FALSE(world.next()->members[4].has_state);
  CHECK(world.next()->why == "pipeline 0 came");
}

TEST_CASE("nothing is decided before every living member has left the last epoch") {
  World world;
  world.process(4).is_waiting = false;
  CHECK_FALSE(world.next());
  CHECK(world.members(true) == Pipelines{0, 1});
}

TEST_CASE("a member that has not read of the last epoch yet has not left it") {
  World world;  // pipelines 0 and 1 have been left out, and know it
  world.last.members.erase(world.last.members.begin(), world.last.members.begin() + 2 * stages);
  for (int seat : {0, 1, 2, 3}) world.process(seat).done.reset();
  for (int seat : {4, 5}) world.process(seat).epoch = 3;
  CHECK_FALSE(world.next());
  CHECK(world.members(true).empty());
  world.process(4).epoch = 4;
  CHECK_FALSE(world.next());
  world.process(5).epoch = 4;
  CHECK(world.members() == Pipelines{2, 0, 1});
  CHECK(world.next()->done == 10);
}

TEST_CASE("processes that come get their states from those that have them") {
  World world;
  world.make_new(0), world.make_new(1);
  CHECK(world.members() == Pipelines{1, 2, 0});
  CHECK(world.next()->members[0].has_state);
  CHECK_FALSE(world.next()->members[5].has_state);
  world.make_new(2), world.make_new(5);  // each stage still has one
  CHECK(world.next()->done == 10);
}

TEST_CASE("a state that is nowhere any more is replaced by a checkpoint, at once") {
  World world;
  for (int seat : {0, 2, 4}) world.make_new(seat);
  CHECK(world.members() == Pipelines{0, 1, 2});
  CHECK_FALSE(world.next()->done);
}

TEST_CASE("newcomers do not decide for members that may come back, unless they have their seats") {
  World world;
  for (int seat = 0; seat < 6; ++seat) world.make_new(seat);
  CHECK(world.members() == Pipelines{0, 1, 2});
  CHECK_FALSE(world.next()->done);
  for (int seat : {4, 5}) world.process(seat).seat += 2;
  CHECK_FALSE(world.next());
  CHECK(world.members(true) == Pipelines{0, 1, 3});
}

TEST_CASE("processes with other terms than the members count for nothing") {
  World world;
  for (int seat : {2, 3}) world.make_new(seat), world.process(seat).terms = "other";
  CHECK(world.members() == Pipelines{0, 2});
  for (int seat : {0, 1, 4, 5}) world.process(seat).is_waiting = false;
  const Epoch now{.number = 5, .members = {{0, "s0", true}, {1, "s1", true}}};
  CHECK_FALSE(has_newcomers(now, shape, world.alive, 10));
  for (int seat : {2, 3}) world.process(seat).terms = "";
  CHECK(has_newcomers(now, shape, world.alive, 10));
}

TEST_CASE("however long newcomers wait, they do not decide for members that train") {
  World world;
  for (int seat : {0, 1, 2, 3}) world.process(seat).is_waiting = false;
  for (int seat : {4, 5}) world.make_new(seat);
  CHECK(world.members(true).empty());
  CHECK(do_members_train(world.last, world.alive));
  world.process(0).is_waiting = true;
  CHECK_FALSE(do_members_train(world.last, world.alive));
}

TEST_CASE("of pipelines that do not reach each other, the one that reaches less leaves") {
  World world;
  world.cut(0, 2), world.cut(0, 5);
  CHECK(world.members() == Pipelines{1, 2});
  world = {};
  world.cut(3, 5);  // one way only
  CHECK(world.members() == Pipelines{0, 1});
  world = {};
  world.cut(2, 3);
  CHECK(world.members() == Pipelines{0, 2});
  world = {};
  world.process(2).reached.erase("s5");  // it has not tried yet
  CHECK_FALSE(world.next());
  CHECK(world.members(true) == Pipelines{0, 1});
}

TEST_CASE("no more pipelines take part than the batch is enough for") {
  World world;
  world.make_new(1);
  const Shape two{.stages = stages, .pipelines = 3, .most_pipelines = 2};
  CHECK(next_epoch(world.last, two, world.alive, false)->pipelines(stages) == Pipelines{1, 2});
}

TEST_CASE("a history that is played again decides on the members and their order") {
  World world;
  Shape planned = shape;
  planned.plan = {{1, {0, 1, 2}}, {6, {2, 0}}, {11, {1, 0}}, {20, {0}}};
  const auto next = [&](int done) {
    for (Presence& each : world.alive) each.done = done;
    const std::optional<Epoch> epoch = next_epoch(world.last, planned, world.alive, false);
    return epoch ? epoch->pipelines(stages) : Pipelines();
  };
  CHECK(next(4) == Pipelines{0, 1, 2});
  CHECK(next(5) == Pipelines{2, 0});
  CHECK(next(10) == Pipelines{1, 0});
  const Epoch now = *next_epoch(world.last, planned, world.alive, false);
  CHECK_FALSE(has_newcomers(now, planned, world.alive, 18));
  CHECK(has_newcomers(now, planned, world.alive, 19));
  world.lose(3);
  CHECK(next(10).empty());
  CHECK(next(30) == Pipelines{0});
}

TEST_CASE("pipelines that a history brings back get the state from those that then leave") {
  World world;
  Shape planned = shape;
  planned.plan = {{1, {0, 1}}, {11, {2}}};
  for (int seat : {4, 5}) world.make_new(seat);
  const Epoch handover = *next_epoch(world.last, planned, world.alive, false);
  CHECK(handover.pipelines(stages) == Pipelines{0, 2});
  CHECK(handover.done == 10);
  CHECK(has_newcomers(handover, planned, world.alive, 10));
  planned.most_pipelines = 2;
  planned.plan[11] = {2, 3};  // which is missing, and worth waiting for
  CHECK_FALSE(next_epoch(world.last, planned, world.alive, true));
  planned.plan[11] = {2};
  CHECK(next_epoch(world.last, planned, world.alive, false)->pipelines(stages) == Pipelines{0, 2});
  for (int seat : {0, 2}) world.lose(seat);  // then all begin as the history began
  CHECK_FALSE(next_epoch(world.last, planned, world.alive, true));
  for (int seat : {0, 2}) world.alive.push_back(World().process(seat)), world.make_new(seat);
  for (Presence& each : world.alive)
    for (const Presence& other : world.alive) each.reached.insert(other.id);
  const Epoch first = *next_epoch(world.last, planned, world.alive, false);
  CHECK(first.pipelines(stages) == Pipelines{0, 1});
  CHECK_FALSE(first.done);
}

TEST_CASE("newcomers count when all of a pipeline wait and reach all members") {
  World world;
  const Epoch now = *world.next();
  CHECK_FALSE(has_newcomers(now, shape, world.alive, 10));
  world.lose(4), world.lose(5);
  const Epoch two = *world.next();
  for (int seat : {4, 5}) {
    CHECK_FALSE(has_newcomers(two, shape, world.alive, 10));
    world.alive.push_back({.seat = seat, .id = nn::concat('n', seat), .is_waiting = true});
    world.alive.back().reached = {"s0", "s1", "s2", "s3", "n4", "n5"};
  }
  CHECK(has_newcomers(two, shape, world.alive, 10));
  CHECK_FALSE(has_newcomers(two, {.stages = stages, .most_pipelines = 2}, world.alive, 10));
  for (const char* const out_of_reach : {"s3", "n4"}) {
    World cut = world;
    cut.alive.back().reached.erase(out_of_reach);
    CHECK_FALSE(has_newcomers(two, shape, cut.alive, 10));
  }
}

}  // namespace pipeline
