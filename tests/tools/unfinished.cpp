#include "tools/federated/unfinished.h"

#include <doctest/doctest.h>

#include <sstream>

#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/program/temporary_folder.h"

namespace fs = std::filesystem;
using federated::Unfinished;

namespace {

// Plays rounds of a run up to the given one, saves each, and returns how many existed before.
std::size_t play(Unfinished& unfinished, const std::string& run, int last) {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(toy::config("fedsgd"), dataset);
  const auto saved = unfinished.open(run);
  std::vector<fl::Round> rounds = saved->restore(run, server);
  const std::size_t before = rounds.size();
  while (static_cast<int>(rounds.size()) < last) {
    rounds.push_back(server.play_round());
    saved->save(run, rounds, server);
  }
  return before;
}

}  // namespace

TEST_CASE("an unfinished command goes on with its runs, and leaves nothing once it is finished") {
  const tools::TemporaryFolder temporary;
  const fs::path folder = temporary.path / ".unfinished" / "a3";
  std::ostringstream log;
  {
    Unfinished first(folder, log);
    play(first, "one run", 2);
    play(first, "another η=0.1", 1);
    first.open("never played");
  }
  CHECK(log.str() == "");
  CHECK(!fs::exists(folder / "never played"));
  {
    Unfinished second(folder, log);
    CHECK(play(second, "one run", 3) == 2);
    CHECK(play(second, "with other settings", 1) == 0);
  }
  CHECK(log.str() == nn::concat("going on with the rounds in ", folder.string(), "\n"));
  {
    Unfinished third(folder, log);
    CHECK(play(third, "one run", 3) == 3);
    CHECK(play(third, "another η=0.1", 1) == 1);
    third.remove_opened();
  }
  CHECK(fs::exists(folder / "with other settings"));
  {
    Unfinished fourth(folder, log);
    play(fourth, "with other settings", 1);
    fourth.remove_opened();
  }
  CHECK(fs::is_empty(temporary.path));
}

TEST_CASE("a command without runs leaves nothing") {
  const tools::TemporaryFolder temporary;
  std::ostringstream log;
  { const Unfinished unused(temporary.path / ".unfinished" / "a1", log); }
  CHECK(fs::is_empty(temporary.path));
}

TEST_CASE("the unfinished runs of a command belong to one process at a time") {
  const tools::TemporaryFolder temporary;
  std::ostringstream log;
  const Unfinished first(temporary.path / "a1", log);
  CHECK(contains(complaint_of([&] { Unfinished(temporary.path / "a1", log); }), "another run"));
  Unfinished(temporary.path / "a2", log);
}
