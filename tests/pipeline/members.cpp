#include "pipeline/members/members.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
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

// Processes of a test as threads, two pipelines of two stages.
struct Run {
  tools::TemporaryFolder folder;
  std::array<std::unique_ptr<Members>, 4> processes;

  fs::path place() const { return folder.path / "members"; }
  milliseconds heartbeat{1000}, patience{8000};
  bool begins_anew = false;
  std::atomic<bool> stop = false;
  void start(int seat) {
    Members::Options options;
    options.folder = shared_folder(place());
    options.ports = ports_at("127.0.0.1");
    options.seat = seat;
    options.shape = {.stages = 2, .pipelines = 2, .most_pipelines = 9};
    options.begins_anew = begins_anew;
    options.heartbeat = heartbeat;
    options.patience = patience;
    options.stop = &stop;
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

TEST_CASE("a process whose folder is gone before the run begins says so") {
  Run run;
  run.start(0);
  fs::remove_all(run.place());
  CHECK(complaint_of([&] {
          run.processes[0]->agree({});
        }).ends_with("members: the run has probably ended without it"));
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

TEST_CASE("a process that comes with other terms is told which, and the others go on without it") {
  Run run;
  for (int seat : {0, 1, 2, 3}) run.start(seat), run.processes[seat]->set_terms("seed 1\nlr 0.5");
  run.agree({0, 1, 2, 3});
  run.processes[0].reset();
  run.start(0);
  run.processes[0]->set_terms("seed 1\nlr 0.25");
  CHECK(complaint_of([&] {
          run.processes[0]->agree({});
        }).ends_with(" was started with lr 0.5, this one with lr 0.25"));
  CHECK(run.agree({1, 2, 3}, 5).pipelines(2) == Pipelines{1});
}

TEST_CASE("a process with a state that is told to stop waits for others for two heartbeats") {
  Run run;
  run.heartbeat = milliseconds(400);
  for (int seat : {0, 1, 2, 3}) run.start(seat);
  run.agree({0, 1, 2, 3});
  run.stop = true;
  run.agree({0, 1, 2, 3}, 5);
  CHECK_THROWS_AS(run.processes[0]->agree(Members::State{6, false, "r"}), Mailbox::Stopped);
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
        one.reached = {"deaf0", "deaf1", run.processes[2]->id(), run.processes[3]->id()};
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

TEST_CASE("the folder stays for a process that cannot be seen or reached for a while") {
  Run run;
  run.heartbeat = milliseconds(400);
  const auto stays_after_the_end = [&run] {
    run.processes[0]->end("finished");
    std::this_thread::sleep_for(5 * run.heartbeat);
    run.processes[0].reset();
    return fs::exists(run.place() / "end");
  };
  run.start(0);
  auto port = ports_at("127.0.0.1");
  Presence other{.seat = 1, .id = "other", .port = port->own(), .epoch = 1};
  const auto tell = [&](int beat) {
    nn::write_file_atomically(run.place() / "seat-1-other",
                              nn::concat(to_text(other), "beat ", beat, '\n'));
  };
  tell(0);
  CHECK(run.processes[0]->has_others_at_work());
  CHECK(stays_after_the_end());  // it may be suspended
  port.reset();
  run.start(0);
  CHECK(run.processes[0]->how_it_ended().empty());

  other.port = "nowhere";
  tell(0);
  {
    const std::jthread beats([&](const std::stop_token& stop) {
      for (int beat = 1; !stop.stop_requested(); ++beat) {
        tell(beat);
        std::this_thread::sleep_for(milliseconds(20));
      }
    });
    CHECK(stays_after_the_end());
  }
  run.start(0);  // of a machine that is lost
  CHECK(run.processes[0]->how_it_ended().empty());
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

}  // namespace pipeline
