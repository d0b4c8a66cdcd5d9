#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "fl/compression/compression.h"
#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/checkpoint_folder.h"
#include "tests/complaint.h"
#include "tests/norm_net.h"
#include "tests/saved_toy.h"
#include "tools/program/temporary_folder.h"

using toy::flip_a_bit, toy::Outcome, toy::play;

namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

// The names of the files in a checkpoint's index.
std::set<std::string> indexed(const fs::path& folder, int step) {
  std::set<std::string> names;
  std::istringstream index(nn::read_file(folder / nn::concat("step-", step) / "clients.txt"));
  for (std::string line; std::getline(index, line);) names.insert(line.substr(0, line.find(' ')));
  return names;
}

// Clients that have residuals beside their states.
fl::Config compressed() {
  fl::Config config = toy::config("ditto");
  config.compression = fl::find_compression("topk");
  return config;
}

}  // namespace

TEST_CASE("after a save, clients' states are on disk and are read from there") {
  const tools::TemporaryFolder folder;
  const data::ImageDataset dataset = toy::dataset();
  fl::Server saved(compressed(), dataset), unsaved(compressed(), dataset);
  std::ostringstream log;
  federated::SavedRun run(folder.path, false, log);
  std::vector<fl::Round> rounds = run.restore("toy", saved);
  for (int round = 0; round < 6; ++round) {
    rounds.push_back(saved.play_round());
    run.save("toy", rounds, saved);
    unsaved.play_round();
    for (const auto& [name, states] : saved.states_of_clients()) CHECK(states.in_memory().empty());
  }
  CHECK(std::ranges::equal(saved.weights(), unsaved.weights()));
  for (std::size_t i = 0; i < 2; ++i) {
    const auto all = unsaved.states_of_clients()[i].states.in_memory();
    CHECK(all.size() > 6);
    for (const auto& [client, state] : all)
      CHECK(saved.states_of_clients()[i].states.of(client) == state);
  }
}

TEST_CASE("a client's state is read once a round, even if it keeps that and its buffers") {
  const tools::TemporaryFolder folder;
  fl::Config config = toy::config("fedavg");
  config.make_model = [](nn::Generator& generator) {
    return std::make_unique<toy::NormNet>(generator);
  };
  config.clients = 1;
  config.buffers = fl::Buffers::local;
  const fl::AlgorithmEntry removing =
      toy::tampered("fedavg", [&](const fl::ClientContext&, fl::Update&) {
        fs::remove_all(folder.path / "clients");  // once it is read
      });
  config.algorithm = &removing;
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  std::ostringstream log;
  federated::SavedRun run(folder.path, false, log);
  std::vector<fl::Round> rounds{server.play_round()};
  run.save("toy", rounds, server);
  REQUIRE(server.client_states().in_memory().empty());
  server.play_round();
  CHECK(server.client_states().in_memory().size() == 1);
}

TEST_CASE("a file is in use as long as a client has its newest state there") {
  fl::ClientStates states;
  for (const int client : {1, 2}) states.leave_on_disk(client, "first", "client");
  states.leave_on_disk(1, "first", "client");  // the same once more
  states.keep(1, {0.5});
  CHECK(states.has_states_in("first"));
  states.leave_on_disk(1, "second", "client");
  states.leave_on_disk(2, "second", "client");
  CHECK(!states.has_states_in("first"));
  CHECK(states.has_states_in("second"));
}

TEST_CASE("files of other origin stay beside the clients' states") {
  const tools::TemporaryFolder folder;
  fs::create_directories(folder.path / "clients" / "round-trip");
  nn::write_file_atomically(folder.path / "clients" / "names.txt", "mine\n");
  play(folder.path, toy::config("scaffold"), 4);
  CHECK(nn::read_file(folder.path / "clients" / "names.txt") == "mine\n");
  CHECK(fs::exists(folder.path / "clients" / "round-trip"));
}

TEST_CASE("a round writes only its own clients' states, and removes files that nothing needs") {
  const tools::TemporaryFolder folder;
  fl::Config config = toy::config("scaffold");
  config.fraction = 0.25;
  for (int round = 1; round <= 20; ++round) {
    play(folder.path, config, round);
    const auto newest =
        nn::read_safetensors(folder.path / "clients" / nn::concat("round-", round, ".safetensors"));
    CHECK(newest.tensors.size() == 3);
    std::set<std::string> needed = indexed(folder.path, round);
    if (round > 1) needed.merge(indexed(folder.path, round - 1));
    CHECK(names_in(folder.path / "clients") == needed);
  }
  CHECK(!names_in(folder.path / "clients").contains("round-1.safetensors"));
}

TEST_CASE("damage to clients' states is reported, and the run goes on from the round before") {
  const tools::TemporaryFolder whole, damaged;
  const Outcome uninterrupted = play(whole.path, compressed(), 5);
  play(damaged.path, compressed(), 4);
  const fs::path newest = damaged.path / "clients" / "round-4.safetensors";
  flip_a_bit(newest);
  const Outcome resumed = play(damaged.path, compressed(), 5);
  CHECK(resumed == uninterrupted);
  CHECK(contains(resumed.log, newest.string() + " is damaged"));
  CHECK(names_in(whole.path / "clients") == names_in(damaged.path / "clients"));

  fs::remove(damaged.path / "clients" / *indexed(damaged.path, 4).begin());
  CHECK(contains(complaint_of([&] { play(damaged.path, compressed(), 6); }),
                 "no checkpoint in " + damaged.path.string() + " is intact"));
}

TEST_CASE("a run saved by an earlier version, with clients beside the server, goes on") {
  const tools::TemporaryFolder whole, earlier;
  const Outcome uninterrupted = play(whole.path, compressed(), 5);
  play(earlier.path, compressed(), 3);
  const fs::path step = earlier.path / "step-3";
  std::map<std::string, nn::Tensor> states;
  for (const std::string& file : indexed(earlier.path, 3))
    for (auto& [name, tensor] : nn::read_safetensors(earlier.path / "clients" / file).tensors)
      states[name] = std::move(tensor);
  std::vector<nn::SavedTensor> tensors;
  for (const auto& [name, tensor] : states)
    tensors.push_back({name, tensor.shape(), tensor.span()});
  const std::string weights = nn::read_file(step / "weights.safetensors"),
                    rounds = nn::read_file(step / "rounds.txt");
  fs::remove_all(earlier.path / "clients");
  nn::CheckpointFolder folder(earlier.path);
  folder.complete(
      3,
      {folder.write(3, "weights.safetensors", weights), folder.write(3, "rounds.txt", rounds),
       folder.write(3, "state.safetensors", nn::SafetensorsContent(tensors).parts())},
      {{"run", "toy"}});
  CHECK(play(earlier.path, compressed(), 5) == uninterrupted);
}
