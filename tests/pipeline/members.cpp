#include "pipeline/members/members.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <future>
#include <stop_token>
#include <thread>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
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
  void make_new(int seat) { process(seat).epoch = 0, process(seat).done.reset(); }
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
  world.process(0).epoch = 3;
  world.process(0).done = 12;
  CHECK(world.next()->done == 10);
  CHECK(world.members() == Pipelines{1, 2, 0});  // it gets a new one
  CHECK_FALSE(world.next()->members[4].has_state);
  CHECK(world.next()->why == "pipeline 0 left; pipeline 0 came");
}

TEST_CASE("nothing is decided before every living member has left the last epoch") {
  World world;
  world.process(4).is_waiting = false;
  CHECK_FALSE(world.next());
  CHECK(world.members(true) == Pipelines{0, 1});
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

TEST_CASE("newcomers do not decide for members that may come back") {
  World world;
  for (int seat = 0; seat < 6; ++seat) world.make_new(seat), world.process(seat).id += "new";
  for (Presence& each : world.alive)
    for (const Presence& other : world.alive) each.reached.insert(other.id);
  CHECK_FALSE(world.next());
  CHECK(world.members(true) == Pipelines{0, 1, 2});
}

TEST_CASE("however long newcomers wait, they do not decide for members that train") {
  World world;
  for (int seat : {0, 1, 2, 3}) world.process(seat).is_waiting = false;
  for (int seat : {4, 5}) world.make_new(seat), world.process(seat).id += "new";
  CHECK(world.members(true).empty());
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

TEST_CASE("newcomers count when all of a pipeline wait and reach all members") {
  World world;
  const Epoch now = *world.next();
  CHECK_FALSE(has_newcomers(now, shape, world.alive, 10));
  world.lose(4), world.lose(5);
  const Epoch two = *world.next();
  for (int seat : {4, 5}) {
    CHECK_FALSE(has_newcomers(two, shape, world.alive, 10));
    world.alive.push_back({.seat = seat, .id = "n", .is_waiting = true});
    world.alive.back().reached = {"s0", "s1", "s2", "s3"};
  }
  CHECK(has_newcomers(two, shape, world.alive, 10));
  CHECK_FALSE(has_newcomers(two, {.stages = stages, .most_pipelines = 2}, world.alive, 10));
  world.alive.back().reached.erase("s3");
  CHECK_FALSE(has_newcomers(two, shape, world.alive, 10));
}

namespace {

// Processes of a test as threads, two pipelines of two stages.
struct Run {
  tools::TemporaryFolder folder;
  std::array<std::unique_ptr<Members>, 4> processes;

  fs::path place() const { return folder.path / "members"; }
  milliseconds heartbeat{1000}, patience{8000};
  bool begins_anew = false;
  void start(int seat) {
    Members::Options options;
    options.folder = shared_folder(place());
    options.ports = ports_at("127.0.0.1");
    options.seat = seat;
    options.shape = {.stages = 2, .pipelines = 2, .most_pipelines = 9};
    options.begins_anew = begins_anew;
    options.heartbeat = heartbeat;
    options.patience = patience;
    processes[seat] = std::make_unique<Members>(std::move(options));
  }
  std::future<std::optional<Epoch>> agree(int seat, std::optional<int> done = {},
                                          bool is_prepared = false, int delay = 0) {
    return std::async(std::launch::async, [=, this] {
      std::this_thread::sleep_for(milliseconds(delay));
      return processes[seat]->agree(done ? std::optional(Members::State{*done, is_prepared, "r"})
                                         : std::nullopt);
    });
  }
  // All agree, each after its delay, on the same.
  Epoch agree(const std::vector<int>& seats, std::optional<int> done = {}, int delay = 0) {
    std::vector<std::future<std::optional<Epoch>>> agreed;
    for (std::size_t i = 0; i < seats.size(); ++i)
      agreed.push_back(agree(seats[i], done, false, delay * static_cast<int>(i)));
    std::optional<Epoch> first;
    for (auto& each : agreed) {
      const std::optional<Epoch> epoch = each.get();
      REQUIRE(epoch);
      if (first) CHECK(to_text(*epoch) == to_text(*first));
      first = epoch;
    }
    return *first;
  }
};

}  // namespace

TEST_CASE("an epoch with the number of another one is not followed") {
  Run run;
  run.patience = milliseconds(100);
  run.start(0);
  const Epoch epoch{.number = 1, .members = {{1, "other", true}}};
  for (const char* const file : {"epoch-1", "epoch-2"})
    nn::write_file_atomically(run.place() / file, to_text(epoch));
  CHECK_THROWS_AS(run.processes[0]->agree({}), PeerLost);
}

TEST_CASE("processes agree again and again, whoever decides first and whoever comes late") {
  Run run;
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  CHECK(run.agree({3, 1, 0, 2}, {}, 30).pipelines(2) == Pipelines{0, 1});
  for (int number = 2; number < 8; ++number) {
    const Epoch epoch = run.agree({0, 1, 2, 3}, number, number % 2 == 0 ? 0 : 60);
    CHECK(epoch.number == number);
    CHECK(epoch.done == number);
    CHECK(epoch.members.size() == 4);
  }
  CHECK_FALSE(run.processes[0]->is_over());
  CHECK(fs::status(run.place()).permissions() == fs::perms::owner_all);
}

TEST_CASE("what a run that has ended left in the folder does not end the next one") {
  Run run;
  fs::create_directory(run.place());
  fs::permissions(run.place(), fs::perms::owner_all);
  std::ofstream(run.place() / "end") << "finished";
  std::ofstream(run.place() / "epoch-1") << "epoch 1\ndone 5\nmember 0 gone 1\nend\n";
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  const Epoch epoch = run.agree({0, 1, 2, 3});
  CHECK(epoch.number == 1);
  CHECK_FALSE(epoch.done);
}

TEST_CASE("a run whose processes were killed is continued, or another one begins in its folder") {
  for (const bool begins_anew : {false, true}) {
    Run run;
    run.begins_anew = begins_anew;
    for (int seat : {0, 1, 2, 3}) run.start(seat);
    run.agree({0, 1, 2, 3});
    run.start(0);  // while others live, it takes a seat of their run
    CHECK(fs::exists(run.place() / "epoch-1"));
    for (auto& process : run.processes) process.reset();
    for (int seat : {0, 1, 2, 3}) run.start(seat);
    CHECK(run.agree({0, 1, 2, 3}).number == (begins_anew ? 1 : 2));
  }
}

TEST_CASE("a process that comes while another removes such a folder waits for the next one") {
  Run run;
  fs::create_directories(run.place() / "deserted");
  fs::permissions(run.place(), fs::perms::owner_all);
  std::ofstream(run.place() / "end") << "finished";
  auto start = std::async(std::launch::async, [&run] { run.start(0); });
  CHECK(start.wait_for(milliseconds(200)) == std::future_status::timeout);
  fs::rename(run.place(), run.folder.path / "old");
  start.get();
  CHECK(fs::exists(run.folder.path / "old" / "end"));
  CHECK(fs::exists(run.place()));
  CHECK(run.processes[0]->how_it_ended().empty());
}

TEST_CASE("a process that cannot write in the folder says so before the run begins") {
  Run run;
  run.start(0);
  fs::remove_all(run.place());
  CHECK(contains(complaint_of([&] { run.processes[0]->agree({}); }), "cannot write"));
}

TEST_CASE("a process is lost, another takes its seat and the others notice") {
  Run run;
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  CHECK_FALSE(run.processes[0]->has_others_at_work());
  run.agree({0, 1, 2, 3});
  run.processes[0].reset();
  auto third = run.agree(1, 5);  // it has a state, but no pipeline
  CHECK(run.agree({2, 3}, 5).pipelines(2) == Pipelines{1});
  CHECK(third.get()->rank_of(run.processes[1]->id()) < 0);
  run.start(0);
  CHECK(run.processes[0]->has_others_at_work());
  CHECK_FALSE(run.processes[2]->has_newcomers(5));
  auto first = run.agree(0), second = run.agree(1);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!run.processes[2]->has_newcomers(5) && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(10));
  const Epoch epoch = run.agree({2, 3}, 9);
  CHECK(epoch.pipelines(2) == Pipelines{1, 0});
  CHECK(epoch.done == 9);
  CHECK(epoch.why == "pipeline 0 came");
  CHECK(to_text(*first.get()) == to_text(epoch));
  CHECK(to_text(*second.get()) == to_text(epoch));
}

TEST_CASE("newcomers that can send but not receive do not stop the others again and again") {
  Run run;
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  run.agree({0, 1, 2, 3});
  run.processes[0].reset(), run.processes[1].reset();
  CHECK(run.agree({2, 3}, 5).pipelines(2) == Pipelines{1});
  std::jthread newcomers([&run](const std::stop_token& stop) {
    for (int beat = 0; !stop.stop_requested(); ++beat) {
      for (int seat : {0, 1}) {
        Presence one{.seat = seat, .id = nn::concat("deaf", seat), .is_waiting = true};
        one.port = "nowhere";  // nothing answers there
        for (int member : {2, 3}) one.reached.insert(run.processes[member]->id());
        const std::string name = nn::concat("seat-", seat, "-deaf");
        std::ofstream(run.place() / ('.' + name)) << to_text(one) << "beat " << beat << '\n';
        fs::rename(run.place() / ('.' + name), run.place() / name);
      }
      std::this_thread::sleep_for(milliseconds(50));
    }
  });
  const auto comes_within = [&run](milliseconds time) {
    const auto give_up = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < give_up) {
      if (run.processes[2]->has_newcomers(5)) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  };
  CHECK(comes_within(milliseconds(10'000)));
  CHECK(run.agree({2, 3}, 5).pipelines(2) == Pipelines{1});  // without them
  CHECK_FALSE(comes_within(milliseconds(1'500)));
  CHECK(comes_within(milliseconds(20'000)));  // they may be reached by now
}

TEST_CASE("a process that stays away too long finds the decision of the others, and obeys it") {
  Run run;
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  const Epoch first = run.agree({0, 1, 2, 3});
  Epoch second{.number = 2, .done = 3, .members = {first.members[2], first.members[3]}};
  nn::write_file_atomically(run.place() / ".epoch-2-x", "epoch 2\ndone");  // its author was killed
  CHECK_FALSE(run.processes[0]->is_over());
  nn::write_file_atomically(run.place() / "epoch-2", to_text(second));  // and had decided
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!run.processes[0]->is_over() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(10));
  CHECK(run.processes[0]->is_over());
  const std::optional<Epoch> found = run.processes[0]->agree(Members::State{4, false, ""});
  REQUIRE(found);
  CHECK(to_text(*found) == to_text(second));
  CHECK(to_text(run.agree({2, 3}, 3)) == to_text(second));
}

TEST_CASE("the end of a run frees those that wait, and the last one removes the folder") {
  Run run;
  for (int seat : {0, 1}) run.start(seat);
  auto waiting = run.agree(1);
  run.processes[0]->end("finished");
  run.processes[0]->end("otherwise");
  CHECK_FALSE(waiting.get());
  CHECK(run.processes[1]->how_it_ended() == "finished");
  run.processes[0].reset();
  CHECK(fs::exists(run.place()));
  run.processes[1].reset();
  CHECK_FALSE(fs::exists(run.place()));
}

TEST_CASE("seats that stay empty are named, and a folder that others can enter is refused") {
  Run run;
  run.heartbeat = milliseconds(400), run.patience = milliseconds(300);
  run.start(0);
  std::string message;
  try {
    run.processes[0]->agree({});
  } catch (const PeerLost& lost) {
    message = lost.what();
  }
  CHECK(message.ends_with("for a whole pipeline; missing: rank 1, 2, 3"));
  fs::permissions(run.place(), fs::perms(0750));
  CHECK(complaint_of([&] { run.start(1); }) ==
        run.place().string() + " can be read by other users");
}

TEST_CASE("ports tell living processes from those that have ended") {
  const auto ports = ports_at("127.0.0.1");
  const std::string open = ports->own(), closed = ports_at("127.0.0.1")->own();
  CHECK(ports->probe({open, closed, "nonsense"}, milliseconds(1000)) ==
        std::vector{PortState::open, PortState::closed, PortState::silent});
  ports->clear();
  CHECK(ports->probe({open}, milliseconds(1000)) == std::vector{PortState::open});
}

}  // namespace pipeline
