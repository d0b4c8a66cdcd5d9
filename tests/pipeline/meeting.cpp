#include "pipeline/mailbox/meeting.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <thread>

#include "nn/base/file.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/shared_folder.h"
#include "tests/complaint.h"
#include "tests/pipeline/two_ranks.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds, std::chrono::seconds;

Meeting meet(const fs::path& folder, int rank, const std::vector<int>& links = {0, 1, 2},
             milliseconds patience = seconds(20)) {
  return meet_in(folder, rank, 3, links, "127.0.0.1", patience, nullptr);
}

// Each of three ranks begins after its delay.
std::vector<Meeting> three_meet(const fs::path& folder, const std::vector<int>& delays) {
  std::vector<std::future<Meeting>> ranks;
  for (int rank = 0; rank < 3; ++rank)
    ranks.push_back(std::async(std::launch::async, [&folder, rank, delay = delays[rank]] {
      std::this_thread::sleep_for(milliseconds(delay));
      return meet(folder, rank);
    }));
  std::vector<Meeting> meetings;
  for (auto& rank : ranks) meetings.push_back(rank.get());
  return meetings;
}

void check_agree(const std::vector<Meeting>& meetings) {
  for (int rank = 0; rank < 3; ++rank) {
    const Meeting& own = meetings[rank];
    CHECK(own.run == meetings[0].run);
    CHECK(own.addresses == meetings[0].addresses);
    CHECK(own.addresses[rank] == own.listener.address);
    CHECK(own.keys.public_keys == meetings[0].keys.public_keys);
    CHECK(is_key(own.keys.secret));
  }
  CHECK(meetings[0].keys.public_keys[1] != meetings[0].keys.public_keys[2]);
}

}  // namespace

TEST_CASE("ranks that meet in a folder, whoever comes first, learn addresses, keys and the run") {
  const tools::TemporaryFolder folder;
  for (const std::vector<int>& delays :
       {std::vector{0, 0, 0}, std::vector{300, 0, 100}, std::vector{0, 200, 300}}) {
    const fs::path place = folder.path / std::to_string(delays[0] + delays[1]);
    check_agree(three_meet(place, delays));
    CHECK(fs::status(place).permissions() == fs::perms::owner_all);
  }
}

TEST_CASE("what an earlier meeting left in the folder is not mistaken for this one") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  std::vector<Meeting> earlier = three_meet(place, {0, 0, 0});
  for (const std::vector<int>& delays :
       {std::vector{0, 200, 200}, std::vector{300, 0, 0}, std::vector{200, 0, 300}}) {
    std::vector<Meeting> now = three_meet(place, delays);
    check_agree(now);
    CHECK(now[0].run != earlier[0].run);
    CHECK(now[1].keys.public_keys != earlier[1].keys.public_keys);
    earlier = std::move(now);
  }
}

TEST_CASE("a rank learns only of the ranks that it is linked with") {
  const tools::TemporaryFolder folder;
  const auto met = [&](int rank) { return meet(folder.path / "meeting", rank, {0}); };
  std::future<Meeting> first = std::async(std::launch::async, met, 0),
                       second = std::async(std::launch::async, met, 1);
  const Meeting own = met(2), others[]{first.get(), second.get()};
  CHECK(own.addresses ==
        std::vector{others[0].listener.address, std::string(), own.listener.address});
  CHECK(own.keys.public_keys[1].empty());
}

TEST_CASE("the ranks that do not come to a meeting are named") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  std::string messages[2];
  std::jthread other(
      [&] { messages[1] = message_of([&] { meet(place, 1, {0}, milliseconds(900)); }); });
  messages[0] = message_of([&] { meet(place, 0, {1}, milliseconds(600)); });
  other.join();
  CHECK(messages[0].ends_with(" for rank 2"));
  CHECK(messages[1].ends_with(" for rank 2"));
  CHECK(message_of([&] {
          meet(folder.path / "other", 1, {0}, milliseconds(50));
        }).ends_with(" for rank 0"));
  CHECK_FALSE(fs::exists(folder.path / "other"));  // rank 0 may refuse to run
}

TEST_CASE("rank 0 is named if it does not come where an earlier meeting was") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  three_meet(place, {0, 0, 0});
  std::string messages[2];
  std::jthread other(
      [&] { messages[1] = message_of([&] { meet(place, 2, {0}, milliseconds(600)); }); });
  messages[0] = message_of([&] { meet(place, 1, {0}, milliseconds(600)); });
  other.join();
  for (const std::string& message : messages) CHECK(message.ends_with(" for rank 0"));
}

TEST_CASE("rank 0 alone is named if it has ended the meeting") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  std::jthread zero([&] {
    message_of([&] { meet(place, 0, {1}, milliseconds(200)); });
    fs::remove_all(place);
  });
  CHECK(message_of([&] { meet(place, 1, {0}, milliseconds(2000)); }).ends_with(" for rank 0"));
}

TEST_CASE("a rank that was replaced before the last one came is met at its new address") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  const auto met = [&](int rank) { return meet(place, rank); };
  std::future<Meeting> first = std::async(std::launch::async, met, 0);
  message_of([&] { meet(place, 1, {0, 1, 2}, milliseconds(400)); });
  std::future<Meeting> second = std::async(std::launch::async, met, 1);
  std::this_thread::sleep_for(milliseconds(100));
  std::vector<Meeting> meetings;
  Meeting third = met(2);
  meetings.push_back(first.get()), meetings.push_back(second.get());
  meetings.push_back(std::move(third));
  check_agree(meetings);
}

TEST_CASE("an answer is a call that is not 0, an address and a key") {
  const Answer answer{7, "tcp://10.0.0.1:41234", new_key_pair().public_key};
  CHECK(parse_answer(to_text(answer)) == answer);
  for (const char* const call : {"0", "-7", "x", "18446744073709551616", ""})
    CHECK_FALSE(parse_answer(nn::concat(call, ' ', answer.address, ' ', answer.key)));
  CHECK_FALSE(parse_answer(nn::concat("7 ", answer.address, " key")));
}

TEST_CASE("a rank waits for a list in which all lines are answers to the call") {
  const tools::TemporaryFolder folder;
  const auto shared = shared_folder(folder.path / "meeting");
  shared->make();
  shared->write("call", "x");
  CHECK(
      message_of([&] { meet(shared->path(), 1, {0}, milliseconds(50)); }).ends_with(" for rank 0"));
  shared->write("call", "5");
  std::jthread zero([&] {
    while (!shared->has("rank-1")) std::this_thread::sleep_for(milliseconds(5));
    const std::string line = shared->read("rank-1");
    shared->write("all", nn::concat("x\n", line, "\n", line, '\n'));
  });
  CHECK(message_of([&] {
          meet(shared->path(), 1, {0}, milliseconds(500));
        }).ends_with(" for rank 0"));
}

TEST_CASE("a folder that others could enter or change is no place for a meeting") {
  const tools::TemporaryFolder folder;
  const fs::path place = folder.path / "meeting";
  fs::create_directory(place);
  const auto complaint = [&](int rank) { return complaint_of([&] { meet(place, rank); }); };
  for (int rank : {0, 1}) {
    fs::permissions(place, fs::perms(0750));
    CHECK(complaint(rank) == place.string() + " can be read by other users");
    fs::permissions(place, fs::perms(0700));
    fs::permissions(folder.path, fs::perms(0770));
    CHECK(complaint(rank) == folder.path.string() + " can be changed by other users");
    fs::permissions(folder.path, fs::perms(0700));
  }
  CHECK(contains(complaint_of([&] { meet("/proc/none/meeting", 0); }), "cannot make "));
}

TEST_CASE("a file of a meeting that cannot be written leaves nothing there, and says why") {
  const tools::TemporaryFolder folder;
  const auto shared = shared_folder(folder.path / "meeting");
  CHECK(shared->write("name", "text") == ENOENT);
  shared->make();
  CHECK(shared->create("name", "text") == 0);
  CHECK(shared->create("name", "other") == EEXIST);
  fs::create_directory(folder.path / "meeting/taken");
  CHECK(shared->write("taken", "text") == EISDIR);
  CHECK(shared->names().size() == 2);
  CHECK(shared->read("name") == "text");
}

TEST_CASE("a meeting ends when told to stop") {
  const tools::TemporaryFolder folder;
  const std::atomic<bool> stop = true;
  CHECK_THROWS_AS(meet_in(folder.path / "meeting", 0, 2, {1}, "127.0.0.1", seconds(20), &stop),
                  Mailbox::Stopped);
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("a rank listens at IPv6 addresses, too") {
  if (!fs::exists("/proc/net/if_inet6")) return;
  for (const char* host : {"::1", "[::1]"}) {
    const OpenPort port = listen_at(host);
    CHECK(port.address.starts_with("tcp://[::1]:"));
    CHECK(port.descriptor() >= 0);
  }
}

TEST_CASE("a host that is not this machine's cannot be listened at") {
  CHECK(contains(complaint_of([] { listen_at("192.0.2.1"); }), "cannot listen at 192.0.2.1:0"));
  CHECK(contains(complaint_of([] { listen_at("no.such.host.invalid"); }), "cannot listen at"));
}

}  // namespace pipeline
