#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fl/clocks/clocks.h"
#include "fl/compression/compression.h"
#include "fl/defences/defences.h"
#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/engine.h"
#include "tests/complaint.h"
#include "tests/manifest_text.h"
#include "tests/saved_toy.h"
#include "tools/program/temporary_folder.h"

using toy::flip_a_bit, toy::Outcome, toy::play;

namespace {

// By a program for each round, with one thread and three in turn.
Outcome play_in_parts(const std::filesystem::path& folder, fl::Config config, int last) {
  for (int round = 1; round < last; ++round) {
    config.threads = round % 2 ? 1 : 3;
    play(folder, config, round);
  }
  return play(folder, config, last);
}

}  // namespace

TEST_CASE("a resumed run gives the same bits, for every algorithm, split and thread count") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table())
    for (const fl::Split split :
         {fl::Split::iid, fl::Split::shards, fl::Split::dirichlet, fl::Split::feature_noise}) {
      CAPTURE(algorithm.name);
      const tools::TemporaryFolder whole, parts;
      fl::Config config = toy::config(std::string(algorithm.name).c_str(), 1);
      config.partition = {.split = split, .alpha = 0.1};
      const Outcome uninterrupted = play(whole.path, config, 5);
      CHECK(play_in_parts(parts.path, config, 5) == uninterrupted);
    }
}

TEST_CASE("a defence's state is saved, and a resumed run gives the same bits") {
  for (const char* algorithm : {"fedavg", "scaffold"}) {
    const tools::TemporaryFolder whole, parts;
    fl::Config config = toy::config(algorithm);
    config.defence = fl::find_defence("centered-clip");
    const Outcome uninterrupted = play(whole.path, config, 4);
    CHECK(play_in_parts(parts.path, config, 4) == uninterrupted);
    CHECK(nn::read_safetensors(parts.path / "step-4" / "state.safetensors")
              .tensors.contains("defence.centre"));

    const data::ImageDataset dataset = toy::dataset();
    config.defence = nullptr;
    fl::Server server(config, dataset);
    std::ostringstream log;
    CHECK(complaint_of([&] {
            federated::SavedRun(parts.path, true, log).restore("toy", server);
          }) != "nothing");
  }
}

TEST_CASE("what privacy and compression keep is saved, and a resumed run gives the same bits") {
  fl::Config is_private = toy::config("fedavg"), is_compressed = toy::config("scaffold");
  is_private.defence = fl::find_defence("dp");
  is_private.options = {{"dp-clip-quantile", 0.5}, {"dp-noise", 0.1}};
  is_compressed.compression = fl::find_compression("topk");
  for (const fl::Config& config : {is_private, is_compressed}) {
    const tools::TemporaryFolder whole, parts;
    const Outcome uninterrupted = play(whole.path, config, 5);
    CHECK(play_in_parts(parts.path, config, 5) == uninterrupted);
  }
}

TEST_CASE("clients in flight train from the same weights in a resumed run") {
  for (const char* algorithm : {"fedavg", "scaffold", "ditto"})
    for (const fl::ClockEntry& clock : fl::clock_table()) {
      CAPTURE(clock.name);
      const tools::TemporaryFolder whole, parts;
      fl::Config config = toy::config(algorithm);
      config.clock = &clock;
      config.options["drop-out"] = 0.2;
      if (clock.is_asynchronous) config.options["buffer-size"] = 3;
      const Outcome uninterrupted = play(whole.path, config, 6);
      CHECK(play_in_parts(parts.path, config, 6) == uninterrupted);
      const auto state = parts.path / "step-6" / "state.safetensors";
      const bool has_versions =
          std::filesystem::exists(state) &&
          std::ranges::any_of(nn::read_safetensors(state).tensors, [](const auto& tensor) {
            return tensor.first.starts_with("version.");
          });
      CHECK(has_versions == clock.is_asynchronous);
    }
}

TEST_CASE("missing weights of clients in flight are reported before a round is played") {
  const data::ImageDataset dataset = toy::dataset();
  const tools::TemporaryFolder folder;
  fl::Config config = toy::config("fedavg");
  play(folder.path, config, 3);
  config.clock = fl::find_clock("fedbuff");
  config.options = {{"buffer-size", 2}};
  fl::Server server(config, dataset);
  std::ostringstream log;
  CHECK_THROWS_WITH_AS(federated::SavedRun(folder.path, true, log).restore("toy", server),
                       doctest::Contains("which clients train from, are missing"), nn::Error);
}

TEST_CASE("a defence's empty state is not a missing one") {
  const data::ImageDataset dataset = toy::dataset();
  const tools::TemporaryFolder unused, plain;
  const fl::AlgorithmEntry broken = toy::tampered(
      "fedavg",
      [](const fl::ClientContext&, fl::Update& update) { update.values[0] = std::nan(""); });
  fl::Config config = toy::config("fedavg");
  play(plain.path, config, 1);
  config.defence = fl::find_defence("centered-clip");
  config.algorithm = &broken;  // no round has a usable update
  const Outcome played = play(unused.path, config, 1);
  CHECK(play(unused.path, config, 1) == played);
  CHECK(complaint_of([&] { play(plain.path, config, 2); }).ends_with("lacks state.safetensors"));
}

TEST_CASE("a finished run is read, not played again") {
  const tools::TemporaryFolder folder;
  const Outcome played = play(folder.path, toy::config("fedavg"), 2);
  CHECK(play(folder.path, toy::config("fedavg"), 2) == played);
}

TEST_CASE("a damaged checkpoint is reported, and the one before leads to the same bits") {
  for (const char* file : {"weights.safetensors", "rounds.txt", "manifest.txt"}) {
    CAPTURE(file);
    const tools::TemporaryFolder whole, damaged;
    const Outcome uninterrupted = play(whole.path, toy::config("fedavg"), 4);
    play(damaged.path, toy::config("fedavg"), 3);
    flip_a_bit(damaged.path / "step-3" / file);
    const Outcome resumed = play(damaged.path, toy::config("fedavg"), 4);
    CHECK(resumed == uninterrupted);
    CHECK(contains(resumed.log, nn::concat("step-3/", file, " is damaged")));
  }
}

TEST_CASE("a run is resumed only on request, and only with its own configuration") {
  const tools::TemporaryFolder folder;
  play(folder.path, toy::config("fedavg"), 2);
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(toy::config("fedavg"), dataset);
  std::ostringstream log;
  const auto restore = [&](const char* run, bool may_resume) {
    return complaint_of(
        [&] { federated::SavedRun(folder.path, may_resume, log).restore(run, server); });
  };
  CHECK(contains(restore("toy", false), "has a run up to round 2"));
  CHECK(contains(restore("other toy", true), "has another run: toy, not other toy"));
}

TEST_CASE("states of algorithms and clients have files of their own, if there are any") {
  const tools::TemporaryFolder plain, adam, scaffold;
  play(plain.path, toy::config("fedavg"), 2);
  play(adam.path, toy::config("fedadam"), 2);
  play(scaffold.path, toy::config("scaffold"), 2);
  CHECK(!std::filesystem::exists(plain.path / "step-2" / "state.safetensors"));
  const auto names = [](const std::filesystem::path& file) {
    std::string text;
    for (const auto& [name, tensor] : nn::read_safetensors(file).tensors) text += name + ' ';
    return text;
  };
  CHECK(names(adam.path / "step-2" / "state.safetensors") == "server.m server.v ");
  CHECK(!std::filesystem::exists(adam.path / "clients"));
  CHECK(names(scaffold.path / "step-2" / "state.safetensors") == "server.control ");
  CHECK(names(scaffold.path / "clients" / "round-2.safetensors").starts_with("client."));
}

TEST_CASE("a checkpoint with a missing or foreign state is refused") {
  const data::ImageDataset dataset = toy::dataset();
  std::ostringstream log;
  const auto restore = [&](const std::filesystem::path& folder, const char* algorithm) {
    fl::Server server(toy::config(algorithm), dataset);
    return complaint_of([&] { federated::SavedRun(folder, true, log).restore("toy", server); });
  };
  const tools::TemporaryFolder plain, adam, scaffold;
  play(plain.path, toy::config("fedavg"), 2);
  play(adam.path, toy::config("fedadam"), 2);
  play(scaffold.path, toy::config("scaffold"), 2);
  CHECK(contains(restore(plain.path, "scaffold"), "step-2 lacks state.safetensors"));
  CHECK(contains(restore(adam.path, "scaffold"), "there is no tensor server.control"));
  CHECK(contains(restore(adam.path, "fedavgm"), "there is no tensor server.velocity"));
  CHECK(contains(restore(scaffold.path, "fedavg"), "state.safetensors"));
  CHECK(restore(scaffold.path, "scaffold") == "nothing");

  fl::Config fewer = toy::config("scaffold");
  fewer.clients = 2;
  fl::Server server(fewer, dataset);
  CHECK(contains(
      complaint_of([&] { federated::SavedRun(scaffold.path, true, log).restore("toy", server); }),
      "which is no client's"));
}

TEST_CASE("a client has one state: a second name for it, or one for no client, is refused") {
  const data::ImageDataset dataset = toy::dataset();
  for (const char* name :
       {"client.07", "client.12", "client.-1", "client.", "client.7x", "other"}) {
    CAPTURE(name);
    const tools::TemporaryFolder temporary;
    play(temporary.path, toy::config("scaffold"), 1);
    const auto path = temporary.path / "step-1";
    const nn::Checkpoint state = nn::read_safetensors(path / "state.safetensors");
    const std::vector<nn::real> numbers(5);
    std::vector<nn::SavedTensor> tensors{{name, {5}, numbers}, {"client.7", {5}, numbers}};
    for (const auto& [known, tensor] : state.tensors)
      if (known != "client.7") tensors.push_back({known, tensor.shape(), tensor.span()});
    const std::string weights = nn::read_file(path / "weights.safetensors"),
                      rounds = nn::read_file(path / "rounds.txt");
    nn::CheckpointFolder folder(temporary.path);
    folder.complete(
        1,
        {folder.write(1, "weights.safetensors", weights), folder.write(1, "rounds.txt", rounds),
         folder.write(1, "state.safetensors", nn::SafetensorsContent(tensors).parts())},
        {{"run", "toy"}});
    std::ostringstream log;
    fl::Server server(toy::config("scaffold"), dataset);
    CHECK(contains(complaint_of([&] {
                     federated::SavedRun(temporary.path, true, log).restore("toy", server);
                   }),
                   nn::concat("the model has no parameter \"", name, '"')));
  }
}

TEST_CASE("damage to an algorithm's state is reported, and the run goes on from the round before") {
  const tools::TemporaryFolder whole, damaged;
  const Outcome uninterrupted = play(whole.path, toy::config("scaffold"), 4);
  play(damaged.path, toy::config("scaffold"), 3);
  flip_a_bit(damaged.path / "step-3" / "state.safetensors");
  const Outcome resumed = play(damaged.path, toy::config("scaffold"), 4);
  CHECK(resumed == uninterrupted);
  CHECK(contains(resumed.log, "step-3/state.safetensors is damaged"));
}

TEST_CASE("a folder belongs to one run at a time") {
  const tools::TemporaryFolder folder;
  std::ostringstream log;
  {
    const federated::SavedRun first(folder.path, true, log);
    CHECK(contains(complaint_of([&] { federated::SavedRun(folder.path, true, log); }),
                   "another run writes to"));
  }
  federated::SavedRun(folder.path, true, log);
}

TEST_CASE("a run says what made it, and a different processor is reported on resuming") {
  const tools::TemporaryFolder folder;
  play(folder.path, toy::config("fedavg"), 2);
  const auto file = folder.path / "step-2" / "manifest.txt";
  std::string text = nn::read_file(file);
  const std::string core = "blas-core " + nn::describe_engine().at("blas-core");
  REQUIRE(contains(text, core));
  rewrite_manifest(file, text.replace(text.find(core), core.size(), "blas-core Other"));
  CHECK(contains(play(folder.path, toy::config("fedavg"), 3).log,
                 "note: the run was saved with blas-core Other, here it is"));
  CHECK(play(folder.path, toy::config("fedavg"), 4).log.empty());
}

TEST_CASE("rounds that our programs do not write are damage, too") {
  const tools::TemporaryFolder folder;
  const data::ImageDataset dataset = toy::dataset();
  play(folder.path, toy::config("fedavg"), 3);
  const auto manifest = folder.path / "step-3" / "manifest.txt",
             file = folder.path / "step-3" / "rounds.txt";
  const std::string rounds = nn::read_file(file), text = nn::read_file(manifest);
  const std::size_t at = text.find("file rounds.txt"), end = text.find('\n', at);
  for (const std::string& other : {std::string(), rounds + "round 5 1 1 1 1 1\n",
                                   rounds + "turn 4\n", rounds.substr(rounds.find('\n') + 1),
                                   rounds + "measure low Test loss\n", rounds + "selected 3 x\n"}) {
    std::ofstream(file, std::ios::binary) << other;
    const nn::SavedFile saved = nn::extended({"rounds.txt", 0, 0}, other);
    rewrite_manifest(manifest, text.substr(0, at) + "file " + to_text(saved) + text.substr(end));
    std::ostringstream log;
    fl::Server server(toy::config("fedavg"), dataset);
    CHECK(federated::SavedRun(folder.path, true, log).restore("toy", server).size() == 2);
    CHECK(contains(log.str(), file.string() + " is damaged: "));
  }
}

TEST_CASE("a server that has played does not resume") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(toy::config("fedavg"), dataset);
  const fl::Round round = server.play_round();
  CHECK_THROWS_AS(server.resume(round), nn::Error);
}

TEST_CASE("rounds are text and back, to the last bit") {
  std::vector<fl::Round> rounds{
      {1, 100.0 / 3, 20, 0.1, 1e-7, {}, 10},
      {2, NAN, 40, 1.0 / 7, 12345.678, {{3, "it has no samples"}, {4, "its update"}}, 10}};
  rounds[0].measures = {{"Test loss", 1.0 / 3}, {"Training loss", NAN}};
  rounds[1].selected = {3, 17};
  const std::vector<fl::Round> read = federated::parse_rounds(federated::to_text(rounds));
  REQUIRE(read.size() == 2);
  CHECK(read[0].accuracy == rounds[0].accuracy);
  CHECK(std::isnan(read[1].accuracy));
  CHECK(read[0].seconds == rounds[0].seconds);
  CHECK(read[1].ideal_seconds == rounds[1].ideal_seconds);
  CHECK(read[1].messages == 40);
  CHECK(read[1].chosen == 10);
  CHECK(read[0].measures.at("Test loss") == 1.0 / 3);
  CHECK(std::isnan(read[0].measures.at("Training loss")));
  CHECK(read[1].selected == rounds[1].selected);
  REQUIRE(read[1].excluded.size() == 2);
  CHECK(read[1].excluded[0].client == 3);
  CHECK(read[1].excluded[0].reason == "it has no samples");
  CHECK(federated::to_text(read) == federated::to_text(rounds));
  const auto earlier = federated::parse_rounds("round 1 50 20 1 1 10\nleft_out 3 late\n");
  CHECK(earlier.at(0).excluded.at(0).client == 3);  // the word before 2026-11-29
  for (const char* text :
       {"round 1 x", "excluded 1 early", "left_out 1 early", "round 1 2 3 4", "other"})
    CHECK_THROWS_AS(federated::parse_rounds(text), nn::Error);
}
