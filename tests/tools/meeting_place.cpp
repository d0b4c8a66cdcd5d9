// Ranks that wait for others.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"
#include "tools/ranks/connection.h"
#include "tools/ranks/run_lock.h"

TEST_CASE("a rank that waits in vain names those that are missing, and no others") {
  const tools::TemporaryFolder folder;
  const auto wait_as = [&](int rank) -> std::string {
    const ranks::MeetingPlace place{folder.path / "meeting", rank, 6};
    const ranks::Group group{"pipeline-1", {3, 4, 5}, {3, 4, 5}};
    try {
      ranks::Channel(place, group, "the same", std::chrono::milliseconds(1500));
    } catch (const pipeline::PeerLost& lost) {
      return lost.what();
    }
    return "nothing";
  };
  std::string other;
  {
    std::jthread thread([&] { other = wait_as(4); });
    CHECK(wait_as(3).ends_with(" for rank 5"));
  }
  CHECK(other.ends_with(" for rank 5"));
}

TEST_CASE("ranks see whether rank 0 is there, and into how many stages it cuts clients") {
  using ranks::RankZero;
  const tools::TemporaryFolder folder;
  const ranks::MeetingPlace place{folder.path / "meeting"};
  const auto state = [&] { return ranks::look_for_rank_0(place).state; };
  CHECK(state() == RankZero::absent);
  {
    const ranks::RunLock lock(place, 3);
    CHECK(state() == RankZero::there);
    CHECK(ranks::look_for_rank_0(place).stages == 3);
    CHECK(complaint_of([&] { ranks::RunLock(place, 3); }) ==
          "another run meets at " + place.folder.string());
  }
  CHECK(state() == RankZero::absent);
  CHECK(std::filesystem::is_empty(folder.path));
  const std::filesystem::path run = place.folder.string() + "-run";
  std::filesystem::create_directory(run);  // of one that is about to begin, or has just ended
  CHECK(state() == RankZero::absent);
  std::ofstream(run / ".lock") << "";  // of one that was killed
  CHECK(state() == RankZero::killed);
  CHECK_FALSE(ranks::look_for_rank_0(place).stages);
}
