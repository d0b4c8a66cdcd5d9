#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"
#include "tools/training/memory.h"
#include "tools/training/run_folder.h"

namespace training {

namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& content) {
  nn::write_file_atomically(file, content);
}

}  // namespace

TEST_CASE("a run takes over its folder, and an earlier run's results move aside whole") {
  const tools::TemporaryFolder temporary;
  const fs::path out = temporary.path / "out";
  RunFolder folder(out, own_checkpoints(out), RunFolder::Locks::own);
  CHECK(folder.run().empty());
  CHECK(folder.begin("first").empty());
  CHECK(folder.run() == "first");
  put(out / "loss.csv", "of the first");
  put(out / "steps" / "step-3" / "manifest.txt", "of the first");
  put(out / "checkpoint" / "model.safetensors", "of the first");
  put(out / "rank-10.log", "of the first");
  put(out / "notes.txt", "the user's");
  put(out / ".start" / "rank-0.log", "of the second");
  CHECK(folder.has_model());
  CHECK(folder.begin("first").empty());
  CHECK(fs::exists(out / "loss.csv"));

  CHECK(folder.begin("second") == out / "earlier-1");
  CHECK(folder.run() == "second");
  CHECK(!folder.has_model());
  for (const char* name :
       {"loss.csv", "steps/step-3/manifest.txt", "checkpoint/model.safetensors", "rank-10.log"}) {
    CHECK(nn::read_file(out / "earlier-1" / name) == "of the first");
    CHECK(!fs::exists(out / name));
  }
  CHECK(fs::exists(out / "earlier-1" / "run.json"));
  CHECK(fs::exists(out / "notes.txt"));
  CHECK(fs::exists(out / ".start" / "rank-0.log"));
  CHECK(folder.begin("third") == out / "earlier-2");
}

TEST_CASE("a link among the results still leads to its target after they move aside") {
  const tools::TemporaryFolder temporary;
  const fs::path out = temporary.path / "out", disk = temporary.path / "big-disk";
  put(disk / "near" / "weights", "near");
  put(disk / "far" / "weights", "far");
  RunFolder folder(out, {}, RunFolder::Locks::none);
  folder.begin("first");
  fs::create_symlink(fs::path("..") / "big-disk" / "near", out / "checkpoint");
  fs::create_symlink(disk / "far", out / "steps");
  CHECK(folder.begin("second") == out / "earlier-1");
  CHECK(nn::read_file(out / "earlier-1" / "checkpoint" / "weights") == "near");
  CHECK(nn::read_file(out / "earlier-1" / "steps" / "weights") == "far");
  CHECK(!fs::is_symlink(out / "checkpoint"));
}

TEST_CASE("logs without results stay where they are") {
  const tools::TemporaryFolder temporary;
  put(temporary.path / "rank-0.log", "of this run");
  RunFolder folder(temporary.path, {}, RunFolder::Locks::none);
  CHECK(folder.begin("new").empty());
  CHECK(fs::exists(temporary.path / "rank-0.log"));
}

TEST_CASE("results that do not name their run move aside, too") {
  for (const char* record : {"", "{", "[]", "{}", R"({"run": 7})"}) {
    CAPTURE(record);
    const tools::TemporaryFolder temporary;
    put(temporary.path / "loss.csv", "old");
    if (*record) put(temporary.path / "run.json", record);
    RunFolder folder(temporary.path, {}, RunFolder::Locks::none);
    CHECK(folder.run().empty());
    CHECK(folder.begin("new") == temporary.path / "earlier-1");
    CHECK(nn::read_file(temporary.path / "earlier-1" / "loss.csv") == "old");
  }
}

TEST_CASE(
    "a folder of checkpoints is recognised however it is spelt, and must not be one that moves") {
  const tools::TemporaryFolder temporary;
  const fs::path out = temporary.path / "out", link = temporary.path / "link";
  for (const bool is_there : {false, true}) {
    if (is_there) fs::create_directories(out / "steps"), fs::create_symlink(out, link);
    for (const char* spelling : {"steps", "steps/", "steps/.", "./steps", "steps/../steps/"})
      CHECK(is_own(out / spelling, out));
    CHECK(is_own(out / "steps", temporary.path / "out/"));
    CHECK(!is_own(out / "steps/deeper", out));
  }
  CHECK(is_own(link / "steps", out));
  for (const char* inside :
       {"checkpoint", "checkpoint/", "checkpoint/deeper", "steps/deeper", "rank-7", "./trace-x"}) {
    CAPTURE(inside);
    CHECK(contains(complaint_of([&] { require_not_in_results(out / inside, out); }),
                   "is among the results that a new run moves aside"));
    CHECK(contains(complaint_of([&] { require_not_in_results(link / inside, out); }), "link"));
  }
  for (const char* elsewhere : {"", "mine", "earlier-1/steps", "../checkpoint", "../other/steps"})
    CHECK(complaint_of([&] { require_not_in_results(out / elsewhere, out); }) == "nothing");

  RunFolder folder(out, out, RunFolder::Locks::own);  // both in one folder, which is locked once
  folder.begin("run");
  folder.require_held();
}

TEST_CASE("run.json says how a run was started, each time") {
  const tools::TemporaryFolder temporary;
  RunFolder folder(temporary.path, {}, RunFolder::Locks::none);
  folder.begin("one");
  folder.add_start({{"first_step", 1}});
  folder.begin("one");
  folder.add_start({{"first_step", 101}});
  const auto record = nlohmann::json::parse(nn::read_file(temporary.path / "run.json"));
  CHECK(record["format"] == 1);
  CHECK(record["starts"].size() == 2);
  CHECK(record["starts"][1]["first_step"] == 101);
  put(temporary.path / "run.json", "{}");
  CHECK(contains(complaint_of([&] { folder.add_start({}); }), "run.json was changed"));
}

TEST_CASE("a folder belongs to one run at a time, and a removed lock is an error") {
  const tools::TemporaryFolder temporary;
  const fs::path out = temporary.path / "out", steps = temporary.path / "steps";
  const RunFolder folder(out, steps, RunFolder::Locks::own);
  folder.require_held();
  CHECK(contains(complaint_of([&] { RunFolder(out, {}, RunFolder::Locks::own); }),
                 "another run writes to"));
  CHECK(contains(
      complaint_of([&] { RunFolder(temporary.path / "other", steps, RunFolder::Locks::own); }),
      "another run writes to"));
  fs::remove_all(steps);
  CHECK(contains(complaint_of([&] { folder.require_held(); }), "steps/.lock was removed"));
}

TEST_CASE("a rank that takes a folder over has its locks, and the one before notices") {
  const tools::TemporaryFolder temporary;
  const fs::path out = temporary.path / "out", steps = temporary.path / "steps";
  const RunFolder before(out, steps, RunFolder::Locks::own);
  const RunFolder after(out, steps, RunFolder::Locks::take_over);
  after.require_held();
  CHECK(contains(complaint_of([&] { before.require_held(); }), ".lock was removed"));
  CHECK(contains(complaint_of([&] { RunFolder(out, {}, RunFolder::Locks::own); }),
                 "another run writes to"));
}

TEST_CASE("runs have different names") {
  CHECK(new_run().size() == 13);
  CHECK(new_run() != new_run());
}

TEST_CASE("a run too large for this machine is refused with what takes most memory") {
  pipeline::TrainingConfig config;
  require_memory(config, 24e9);
  CHECK(memory_needs(config).weights == 4 * sizeof(nn::real) * 26'398'368.0);  // the course's model
  const double activations = memory_needs(config).activations;
  config.recomputes = true;  // one layer of six, as one of three stages may have all of them
  config.topology.stages = 3;
  CHECK(memory_needs(config).activations == activations / 6);
  config.topology.pipelines = 3;
  config.shares_moments = true;  // each pipeline has weights and gradients, all have two moments
  CHECK(memory_needs(config).weights == 8 * sizeof(nn::real) * 26'398'368.0);
  config = {};
  config.length = 100000;  // memory grows with the length, not its square
  require_memory(config, 24e9);
  config.length = 200000;
  CHECK(contains(complaint_of([&] { require_memory(config, 24e9); }), "scores of every token"));
  config.model.vocab_size = 256;
  config.length = 400000;
  CHECK(contains(complaint_of([&] { require_memory(config, 24e9); }), "activations of the layers"));
  config = {};
  config.model.hidden_size = 65536;
  CHECK(contains(complaint_of([&] { require_memory(config, 24e9); }), "weights, gradients and"));
  config = {};
  config.batch = 30000;
  CHECK(contains(complaint_of([&] { require_memory(config, 24e9); }), "scores of every token"));
  CHECK(memory_of_this_machine() > 1e8);
}

}  // namespace training
